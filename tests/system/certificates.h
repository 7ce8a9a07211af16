#pragma once

#include <string>

#include "tests/system/process.h"

namespace eyeflow::test {

// Makes NAME.pem and NAME.key in the folder: an authority that signs others, by the openssl program.
void make_authority(const TemporaryFolder& folder, const std::string& name);
// And one signed by `authority`. `alternative`: "IP:127.0.0.1", "DNS:localhost". Negative days: it ended so long ago.
void make_certificate(const TemporaryFolder& folder, const std::string& authority, const std::string& name,
                      const std::string& alternative, int days = 2);

}  // namespace eyeflow::test
