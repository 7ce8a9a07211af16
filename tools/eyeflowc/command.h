#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "vm/base/result.h"

namespace eyeflow::eyeflowc {

// For scripts.
enum class Exit : int {
  Ok = 0,
  Findings = 1,  // mistakes in a source, failed tests
  Usage = 2,     // the command line is wrong
  Files = 3,     // a file cannot be read, written or trusted
};

// One verb of the command line: add_… describes its options and gives what runs it.
using Action = std::function<Exit()>;
Action add_build(CLI::App& app);
Action add_check(CLI::App& app);
Action add_run(CLI::App& app);
Action add_test(CLI::App& app);
Action add_disasm(CLI::App& app);
Action add_card(CLI::App& app);
Action add_keygen(CLI::App& app);
Action add_english(CLI::App& app);
Action add_explain(CLI::App& app);

// "eyeflowc: …" on stderr.
Exit complain(Exit code, const std::string& message);
inline Exit complain(const Error& error) { return complain(Exit::Files, error.message); }

}  // namespace eyeflow::eyeflowc
