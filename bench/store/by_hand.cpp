#include "bench/store/by_hand.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sqlite3.h>

#include <cstdlib>
#include <cstring>
#include <vector>

namespace eyeflow::bench {

struct ByHand::Impl {
  sqlite3* database = nullptr;
  sqlite3_stmt *insert = nullptr, *begin = nullptr, *commit = nullptr;
  EVP_CIPHER_CTX* cipher = nullptr;
  std::uint64_t counter = 0;
  std::int64_t time = 0;
  std::vector<unsigned char> sealed;

  std::span<const unsigned char> seal(std::span<const std::byte> row) {
    sealed.resize(row.size() + 28);
    ++counter;
    std::memset(sealed.data(), 0, 12);
    std::memcpy(sealed.data(), &counter, sizeof counter);
    int size = 0;
    EVP_EncryptInit_ex(cipher, nullptr, nullptr, nullptr, sealed.data());
    EVP_EncryptUpdate(cipher, sealed.data() + 12, &size, reinterpret_cast<const unsigned char*>(row.data()),
                      static_cast<int>(row.size()));
    EVP_EncryptFinal_ex(cipher, sealed.data() + 12 + size, &size);
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, 16, sealed.data() + 12 + row.size());
    return sealed;
  }
};

namespace {

void must(bool good) {
  if (!good) std::abort();
}

}  // namespace

ByHand::ByHand(const std::string& path, bool sealed) : impl_(std::make_unique<Impl>()) {
  must(sqlite3_open(path.c_str(), &impl_->database) == SQLITE_OK);
  must(sqlite3_exec(impl_->database,
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                    "CREATE TABLE t (id INTEGER PRIMARY KEY, time INTEGER, sensor INTEGER, payload BLOB);",
                    nullptr, nullptr, nullptr) == SQLITE_OK);
  const auto prepare = [&](const char* sql, sqlite3_stmt*& out) {
    must(sqlite3_prepare_v2(impl_->database, sql, -1, &out, nullptr) == SQLITE_OK);
  };
  prepare("INSERT INTO t (time, sensor, payload) VALUES (?,?,?)", impl_->insert);
  prepare("BEGIN", impl_->begin);
  prepare("COMMIT", impl_->commit);
  if (!sealed) return;
  unsigned char key[32];
  must(RAND_bytes(key, sizeof key) == 1);
  impl_->cipher = EVP_CIPHER_CTX_new();
  must(EVP_EncryptInit_ex(impl_->cipher, EVP_aes_256_gcm(), nullptr, key, nullptr) == 1);
}

ByHand::~ByHand() {
  for (auto* statement : {impl_->insert, impl_->begin, impl_->commit}) sqlite3_finalize(statement);
  sqlite3_close(impl_->database);
  EVP_CIPHER_CTX_free(impl_->cipher);
}

void ByHand::commit(std::span<const std::byte> row, int rows) {
  const auto run = [](sqlite3_stmt* statement) {
    must(sqlite3_step(statement) == SQLITE_DONE);
    sqlite3_reset(statement);
  };
  run(impl_->begin);
  for (int i = 0; i < rows; ++i) {
    const auto* payload = reinterpret_cast<const unsigned char*>(row.data());
    std::span<const unsigned char> bytes(payload, row.size());
    if (impl_->cipher != nullptr) bytes = impl_->seal(row);
    sqlite3_bind_int64(impl_->insert, 1, ++impl_->time);
    sqlite3_bind_int(impl_->insert, 2, static_cast<int>(impl_->time % 100));
    sqlite3_bind_blob(impl_->insert, 3, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
    run(impl_->insert);
  }
  run(impl_->commit);
}

}  // namespace eyeflow::bench
