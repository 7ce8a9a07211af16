// A bundle as eyeflowc made it, then every single bit of it turned, every byte of its end cut off, bytes behind it.
#include <gtest/gtest.h>

#include <fstream>

#include "runtime/security/signed_bundle.h"
#include "tests/system/process.h"
#include "vm/module/card.h"
#include "vm/module/module.h"

namespace eyeflow::test {
namespace {

class RealBundle : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::vector<std::string> keygen = {EYEFLOWC, "keygen", "-o", (folder_ / "key").string()};
    if (*GetParam() != '\0') keygen.push_back(GetParam());
    ASSERT_EQ(run(keygen, folder_ / "log"), 0) << read_file(folder_ / "log");
    ASSERT_EQ(run({EYEFLOWC, "build", EYEFLOW_SOURCE_DIR "/examples/monitor_t1.eft", "-o", (folder_ / "b.efb").string(),
                   "--key", (folder_ / "key").string()},
                  folder_ / "log"),
              0)
        << read_file(folder_ / "log");
    bytes_ = runtime::read_bundle_file(folder_ / "b.efb").value();
    trusted_.push_back(runtime::load_public_key(folder_ / "key.pub").value());
    const auto bundle = runtime::verify_bundle(bytes_, trusted_);
    ASSERT_TRUE(bundle) << bundle.error().message;
    ASSERT_TRUE(vm::read_module(bundle->find(vm::kModuleSection)->bytes));
  }

  bool is_refused(std::span<const std::byte> bytes) const { return !runtime::verify_bundle(bytes, trusted_); }

  TemporaryFolder folder_;
  std::vector<std::byte> bytes_;
  std::vector<runtime::PublicKey> trusted_;
};

TEST_P(RealBundle, EverySingleBitFlipIsRefused) {
  for (std::size_t bit = 0; bit < bytes_.size() * 8; ++bit) {
    bytes_[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    ASSERT_TRUE(is_refused(bytes_)) << "byte " << bit / 8 << ", bit " << bit % 8;
    bytes_[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
  }
  EXPECT_FALSE(is_refused(bytes_));
}

TEST_P(RealBundle, EveryTruncationAndExtensionIsRefused) {
  for (std::size_t length = 0; length < bytes_.size(); ++length)
    ASSERT_TRUE(is_refused(std::span(bytes_).first(length))) << length << " bytes";
  for (int more = 0; more < 600; ++more) {
    bytes_.push_back(static_cast<std::byte>(more));
    ASSERT_TRUE(is_refused(bytes_)) << more + 1 << " bytes more";
  }
}

// Who signs can state what he likes; a device computes it again.
TEST_P(RealBundle, ACardThatStatesTooLittleIsRefused) {
  const auto bundle = runtime::verify_bundle(bytes_, trusted_);
  vm::Card card = vm::read_card(bundle->find(vm::kCardSection)->bytes).value();
  ASSERT_FALSE(card.rows.empty());
  const auto verified_by_device = [&] {
    const std::vector<std::byte> stated = vm::write_card(card);
    const vm::BundleSection sections[] = {*bundle->find(vm::kModuleSection), {vm::kCardSection, stated}};
    const auto signed_again = runtime::sign_bundle(sections, runtime::load_private_key(folder_ / "key").value());
    std::ofstream(folder_ / "c.efb", std::ios::binary)
        .write(reinterpret_cast<const char*>(signed_again->data()), static_cast<std::streamsize>(signed_again->size()));
    return run({EYEFLOW_VM, "verify", (folder_ / "c.efb").string(), "--key", (folder_ / "key.pub").string()},
               folder_ / "log");
  };
  EXPECT_EQ(verified_by_device(), 0) << read_file(folder_ / "log");
  --card.rows[0].fuel;
  EXPECT_NE(verified_by_device(), 0);
  EXPECT_NE(read_file(folder_ / "log").find("the card is not that of the task: the fuel of 'on t1'"), std::string::npos)
      << read_file(folder_ / "log");
}

INSTANTIATE_TEST_SUITE_P(Keys, RealBundle, ::testing::Values("", "--rsa"),
                         [](const auto& info) { return std::string(*info.param == '\0' ? "Ed25519" : "Rsa"); });

}  // namespace
}  // namespace eyeflow::test
