#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "runtime/security/keys.h"
#include "runtime/sync/batch.h"
#include "vm/base/result.h"

// A batch of rows as a signed file, for a stick that somebody carries to the far side. docs/formats.md has the layout.
namespace eyeflow::runtime {

inline constexpr std::string_view kRowFileEnding = ".rows";
inline constexpr std::string_view kReceiptName = "receipt";
inline constexpr std::size_t kMaxRowFileBytes = 64u << 20;   // packed
inline constexpr std::size_t kMaxRowsUnpacked = 256u << 20;  // unpacked

// `batch` is text as encode_batch() gives it.
Result<std::string> encode_row_file(const PrivateKey& key, std::string_view batch);

// A file's parts, as views of its bytes. Only lengths were looked at: nothing in it is to be believed before
// open_row_file().
struct RowFile {
  vm::KeyId key_id{};
  std::string_view packed;
  std::span<const std::byte> signature;
};
Result<RowFile> read_row_file(std::string_view bytes);

// The batch, once the signature was found to be of that key.
Result<std::string> open_row_file(const RowFile& file, const PublicKey& key);

// A whole file of at most kMaxRowFileBytes; the message names it.
Result<std::string> read_whole(const std::filesystem::path& path);
// Under another name first, on disk before it has its own: a power cut leaves the old one or the new one.
Result<void> write_whole(const std::filesystem::path& path, std::string_view bytes);

}  // namespace eyeflow::runtime
