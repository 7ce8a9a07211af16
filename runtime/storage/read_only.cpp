#include "runtime/storage/read_only.h"

#include <sqlite3.h>

namespace eyeflow::runtime {
namespace {

constexpr const char* kName = "eyeflow-read-only";

sqlite3_vfs* without_locks() { return sqlite3_vfs_find("unix-none"); }

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  sqlite3_vfs* const files = without_locks();
  if ((flags & SQLITE_OPEN_WAL) != 0) {
    int there = 0;
    if (files->xAccess(files, name, SQLITE_ACCESS_EXISTS, &there) != SQLITE_OK || there == 0) name = "/dev/null";
  }
  flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
  return files->xOpen(files, name, file, flags, out_flags);
}

// SQLite removes the WAL of a file that is still empty, and goes on when that was done.
int remove_file(sqlite3_vfs*, const char*, int) { return SQLITE_OK; }

bool add_files() {
  if (sqlite3_initialize() != SQLITE_OK || without_locks() == nullptr) return false;
  static sqlite3_vfs files = *without_locks();
  files.zName = kName;
  files.xOpen = open_file;
  files.xDelete = remove_file;
  return sqlite3_vfs_register(&files, 0) == SQLITE_OK;
}

}  // namespace

const char* read_only_files() {
  static const bool there = add_files();
  return there ? kName : nullptr;
}

}  // namespace eyeflow::runtime
