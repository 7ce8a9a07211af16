#include "tests/system/certificates.h"

#include <stdexcept>

namespace eyeflow::test {
namespace {

void shell(const TemporaryFolder& folder, std::vector<std::string> command) {
  if (run(std::move(command), folder / "openssl.log") != 0) throw std::runtime_error(read_file(folder / "openssl.log"));
}

}  // namespace

void make_authority(const TemporaryFolder& folder, const std::string& name) {
  shell(folder, {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-days", "2", "-subj", "/CN=" + name, "-keyout", (folder / (name + ".key")).string(), "-out",
                 (folder / (name + ".pem")).string()});
}

void make_certificate(const TemporaryFolder& folder, const std::string& authority, const std::string& name,
                      const std::string& alternative, int days) {
  const auto path = [&](const std::string& file) { return (folder / file).string(); };
  shell(folder, {"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                 "/CN=" + name, "-keyout", path(name + ".key"), "-out", path(name + ".csr")});
  write_file(folder / (name + ".san"), "subjectAltName=" + alternative + "\n");
  shell(folder, {"openssl", "x509", "-req", "-in", path(name + ".csr"), "-CA", path(authority + ".pem"), "-CAkey",
                 path(authority + ".key"), "-CAcreateserial", "-days", std::to_string(days), "-extfile",
                 path(name + ".san"), "-out", path(name + ".pem")});
}

}  // namespace eyeflow::test
