#include <fmt/core.h>

#include <memory>

#include "runtime/security/keys.h"
#include "tools/eyeflowc/command.h"

namespace eyeflow::eyeflowc {
namespace {

struct Options {
  std::string output;
  bool rsa = false;
};

Exit keygen(const Options& options) {
  const auto algorithm = options.rsa ? runtime::KeyAlgorithm::RsaPss : runtime::KeyAlgorithm::Ed25519;
  if (const auto made = runtime::generate_key(options.output, algorithm); !made) return complain(made.error());
  const auto key = runtime::load_public_key(options.output + ".pub");
  if (!key) return complain(key.error());
  fmt::print("{}: the private key, for 'eyeflowc build --key'; keep it secret\n", options.output);
  fmt::print("{}.pub: the public key {}, for the trusted_keys of devices\n", options.output,
             runtime::short_id(key->id));
  return Exit::Ok;
}

}  // namespace

Action add_keygen(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("-o,--output", options->output, "the file for the private key; the public one is written to KEY.pub")
      ->required()
      ->type_name("KEY");
  app.add_flag("--rsa", options->rsa, "RSA-2048 (PSS) instead of Ed25519, where a PKI asks for it");
  return [options] { return keygen(*options); };
}

}  // namespace eyeflow::eyeflowc
