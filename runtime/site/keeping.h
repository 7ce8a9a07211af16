#pragma once

#include <filesystem>

#include "runtime/site/site.h"
#include "runtime/site/table_reader.h"

// The tables about what the device keeps and sends: [storage] and [cloud]. Of read_site's own.
namespace eyeflow::runtime {

StorageSettings read_storage(TableReader& t, const std::filesystem::path& folder);
CloudSettings read_cloud(TableReader& t, const std::filesystem::path& folder);

// `keep` and `sync` of a log; the tables above have been read.
void read_log_keeping(TableReader& t, const Site& site, OutputSettings& log);

}  // namespace eyeflow::runtime
