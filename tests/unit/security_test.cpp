#include "runtime/security/keys.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/security/signed_bundle.h"

namespace eyeflow::runtime {
namespace {

namespace fs = std::filesystem;

class Security : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "eyeflow-security-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { fs::remove_all(dir_); }

  fs::path make_key(const std::string& name, KeyAlgorithm algorithm = KeyAlgorithm::Ed25519) {
    const auto path = dir_ / name;
    const auto made = generate_key(path, algorithm);
    EXPECT_TRUE(made) << made.error().message;
    return path;
  }
  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name) << text;
    chmod((dir_ / name).c_str(), 0600);
    return dir_ / name;
  }

  fs::path dir_;
};

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

fs::path pub(fs::path path) { return path += ".pub"; }

std::vector<PublicKey> trust(std::initializer_list<fs::path> paths) {
  std::vector<PublicKey> keys;
  for (const auto& path : paths) keys.push_back(load_public_key(path).value());
  return keys;
}

std::vector<std::byte> a_bundle(const fs::path& key) {
  const std::string module = "the module's bytes, of a length that needs padding";
  const vm::BundleSection sections[] = {{vm::kModuleSection, bytes_of(module)},
                                        {vm::kManifestSection, bytes_of("task = \"t\"")}};
  auto bytes = sign_bundle(sections, load_private_key(key).value());
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes.value();
}

template <typename T>
std::string error_of(const Result<T>& result) {
  return result ? "no error" : result.error().message;
}

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(Security, KnownDigest) {  // FIPS 180-2, appendix B.1
  const auto digest = sha256(bytes_of("abc"));
  std::string hex;
  for (const auto b : digest) {
    char two[3];
    snprintf(two, sizeof two, "%02x", std::to_integer<unsigned>(b));
    hex += two;
  }
  EXPECT_EQ(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(Security, KeyFilesHaveTheirModes) {
  const auto key = make_key("k");
  struct stat info{};
  ASSERT_EQ(stat(key.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat(pub(key).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777 & ~0044u, 0600u);
  EXPECT_EQ(load_private_key(key)->id, load_public_key(pub(key))->id);
}

// The key of RFC 8410, and what sha256sum says of its public key's bytes there.
TEST_F(Security, AnIdIsTheHashOfThePublicKey) {
  const auto plain = write("plain",
                           "-----BEGIN PRIVATE KEY-----\n"
                           "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                           "-----END PRIVATE KEY-----\n");
  const auto public_key = write("public",
                                "-----BEGIN PUBLIC KEY-----\n"
                                "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
                                "-----END PUBLIC KEY-----\n");
  EXPECT_EQ(short_id(load_private_key(plain).value().id), "a1e9156054e04fac");
  EXPECT_EQ(load_public_key(public_key).value().id, load_private_key(plain).value().id);
}

TEST_F(Security, KeysAreNeverOverwritten) {
  const auto key = make_key("k");
  const auto id = load_private_key(key)->id;
  EXPECT_CONTAINS(error_of(generate_key(key)), "never overwritten");
  EXPECT_EQ(load_private_key(key)->id, id);
  // A public file in the way leaves no lone private key behind.
  write("other.pub", "x");
  EXPECT_CONTAINS(error_of(generate_key(dir_ / "other")), "never overwritten");
  EXPECT_FALSE(fs::exists(dir_ / "other"));
}

class BothAlgorithms : public Security, public testing::WithParamInterface<KeyAlgorithm> {};
INSTANTIATE_TEST_SUITE_P(Keys, BothAlgorithms, testing::Values(KeyAlgorithm::Ed25519, KeyAlgorithm::RsaPss),
                         [](const auto& info) { return info.param == KeyAlgorithm::Ed25519 ? "Ed25519" : "Rsa"; });

TEST_P(BothAlgorithms, SameSourceAndKeyGiveTheSameBytes) {
  const auto key = make_key("k", GetParam());
  EXPECT_EQ(a_bundle(key), a_bundle(key));
}

TEST_P(BothAlgorithms, SectionsComeBack) {
  const auto key = make_key("k", GetParam());
  const auto bytes = a_bundle(key);
  const auto keys = trust({pub(make_key("other")), pub(key)});
  const auto bundle = verify_bundle(bytes, keys);
  ASSERT_TRUE(bundle) << bundle.error().message;
  ASSERT_EQ(bundle->sections.size(), 2u);
  const auto* module = bundle->find("module");
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(module->bytes.data()), module->bytes.size()),
            "the module's bytes, of a length that needs padding");
  EXPECT_EQ((module->bytes.data() - bytes.data()) % 8, 0);
  EXPECT_EQ(bundle->find("nothing"), nullptr);
}

TEST_P(BothAlgorithms, EverySingleBitFlipIsRefused) {
  const auto key = make_key("k", GetParam());
  auto bytes = a_bundle(key);
  const auto keys = trust({pub(key)});
  ASSERT_TRUE(verify_bundle(bytes, keys));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] ^= std::byte(1u << bit);
      EXPECT_FALSE(verify_bundle(bytes, keys)) << "byte " << i << " bit " << bit;
      bytes[i] ^= std::byte(1u << bit);
    }
  }
}

TEST_P(BothAlgorithms, EveryTruncationAndExtensionIsRefused) {
  const auto key = make_key("k", GetParam());
  auto bytes = a_bundle(key);
  const auto keys = trust({pub(key)});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(verify_bundle(std::span(bytes).first(size), keys)) << size;
  }
  for (int n = 0; n < 64; ++n) {
    bytes.push_back(std::byte(n));
    EXPECT_FALSE(verify_bundle(bytes, keys)) << bytes.size();
  }
}

TEST_P(BothAlgorithms, ASignatureOfAnotherKeyIsRefused) {
  const auto key = make_key("k", GetParam());
  const auto other = make_key("other", GetParam());
  auto bytes = a_bundle(other);
  const auto keys = trust({pub(key)});
  const auto message = error_of(verify_bundle(bytes, keys));
  EXPECT_CONTAINS(message, "not trusted");
  EXPECT_CONTAINS(message, short_id(keys[0].id));
  EXPECT_CONTAINS(message, short_id(load_public_key(pub(other))->id));
  // A forger writes the trusted id over his own: the signature then does not fit.
  std::copy(keys[0].id.begin(), keys[0].id.end(), bytes.begin() + 16);
  EXPECT_CONTAINS(error_of(verify_bundle(bytes, keys)), "changed after it was signed");
}

TEST_F(Security, NoTrustedKeyIsSaid) {
  const auto key = make_key("k");
  EXPECT_CONTAINS(error_of(verify_bundle(a_bundle(key), {})), "none is trusted");
}

TEST_F(Security, KeyFileMistakesAreNamed) {
  const auto key = make_key("k");
  EXPECT_CONTAINS(error_of(load_private_key(dir_ / "absent")), "absent: cannot read the private key");
  EXPECT_CONTAINS(error_of(load_private_key(pub(key))), "chmod 600");
  chmod(pub(key).c_str(), 0600);
  EXPECT_CONTAINS(error_of(load_private_key(pub(key))), "this is a public key");
  EXPECT_CONTAINS(error_of(load_public_key(key)), "this is a private key");
  EXPECT_CONTAINS(error_of(load_public_key(write("junk", "hello"))), "not a public key");
  EXPECT_CONTAINS(error_of(load_private_key(write("junk", "hello"))), "not a private key");
  EXPECT_CONTAINS(error_of(load_private_key(dir_)), "not a file");
  chmod(key.c_str(), 0640);
  EXPECT_CONTAINS(error_of(load_private_key(key)), "chmod 600");
}

TEST_F(Security, OtherKeyKindsAreRefused) {
  // Made with: openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout
  const auto ec = write("ec.pub",
                        "-----BEGIN PUBLIC KEY-----\n"
                        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEx86IdVsrezVzIAC3a+NK1XKbfUn3\n"
                        "DrtrpAxWtfRrwh4vX+6GgfO7BtIHF9VpLZcZMYR1yHm2RRt4ZjF8jFHI2Q==\n"
                        "-----END PUBLIC KEY-----\n");
  EXPECT_CONTAINS(error_of(load_public_key(ec)), "Ed25519 or RSA");
}

TEST(BundleBytes, BadSectionsAreRefusedWhenWriting) {
  const vm::KeyId id{};
  const auto one = [&](std::string_view name) {
    const vm::BundleSection sections[] = {{name, {}}};
    return vm::write_bundle(sections, id, 64);
  };
  EXPECT_TRUE(one("module"));
  EXPECT_FALSE(one(""));
  EXPECT_FALSE(one("Module"));
  EXPECT_FALSE(one("sixteen-letters-"));
  const vm::BundleSection twice[] = {{"module", {}}, {"module", {}}};
  EXPECT_FALSE(vm::write_bundle(twice, id, 64));
  EXPECT_FALSE(vm::write_bundle({}, id, 64));
  const vm::BundleSection good[] = {{"module", {}}};
  EXPECT_FALSE(vm::write_bundle(good, id, 0));
  EXPECT_FALSE(vm::write_bundle(good, id, 513));
}

// What a signer with a trusted key could still get wrong: the section rules hold without the signature's help.
TEST(BundleBytes, BrokenSectionsAreRefusedWhenReading) {
  const std::string text = "12345";
  const vm::BundleSection sections[] = {{"module", bytes_of(text)}, {"manifest", bytes_of(text)}};
  auto good = vm::write_bundle(sections, vm::KeyId{}, 64).value();
  good.resize(good.size() + 64);
  ASSERT_TRUE(vm::read_bundle(good));
  const auto broken = [&](std::size_t at, unsigned value) {
    auto bytes = good;
    bytes[at] = std::byte(value);
    return error_of(vm::read_bundle(bytes));
  };
  EXPECT_CONTAINS(broken(10, 1), "reserved");
  EXPECT_CONTAINS(broken(56, 1), "reserved");
  EXPECT_CONTAINS(broken(48, 0), "0 sections");
  EXPECT_CONTAINS(broken(48, 1), "follow");
  EXPECT_CONTAINS(broken(48, 3), "cut off");
  EXPECT_CONTAINS(broken(48, 17), "17 sections");
  EXPECT_CONTAINS(broken(52, 63), "follow");
  EXPECT_CONTAINS(broken(64, 'M'), "malformed");
  EXPECT_CONTAINS(broken(64 + 15, 'x'), "malformed");
  EXPECT_CONTAINS(broken(64 + 19, 0xff), "longer than the file");
  EXPECT_CONTAINS(broken(64 + 20, 1), "reserved");
  EXPECT_CONTAINS(broken(64 + 24 + 5, 1), "padding");
}

}  // namespace
}  // namespace eyeflow::runtime
