#pragma once

#include <string>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace eyeflow::tools {

// What is wrong with a command line, with the place and the next step; for CLI::App::failure_message.
std::string usage_message(const CLI::App* app, const CLI::Error& error);

}  // namespace eyeflow::tools
