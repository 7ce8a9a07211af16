#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "runtime/site/site.h"
#include "runtime/site/table_reader.h"

// What the readers of a site file's tables share.
namespace eyeflow::runtime {

struct Reading {
  Site& site;
  Problems& problems;
  const std::filesystem::path& folder;  // that relative paths are taken from
};

// Connectors of the language that this version does not have.
inline constexpr std::string_view kOtherConnectors[] = {"modbus", "serial", "http", "camera", "socketcan", "nats"};
inline constexpr std::string_view kNoSuchConnector =
    "this version has no such connector; it has mqtt, gpio, influx, csv, jsonl, replay, simulate and console";

// [kind.name], the name in quotes where TOML wants them.
std::string title_of(std::string_view kind, std::string_view name);

// What is wrong with the topic that the table's `key` is, in which these names stand in braces.
void check_topic(TableReader& t, std::string_view key, const std::string& topic,
                 std::initializer_list<std::string_view> names, bool filter_allowed = false);

// One [connection.NAME].
void read_connection(std::string_view name, const toml::table& table, Reading& r);

}  // namespace eyeflow::runtime
