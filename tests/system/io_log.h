#pragma once

/* What a process does to the files of one folder: logged, made to fail, or given a small disk. A library of its own
 * that stands before libc (linked first, or by LD_PRELOAD), so that it sees SQLite's calls as well as ours.
 *
 * By LD_PRELOAD, EYEFLOW_IO_FOLDER and EYEFLOW_IO_LOG start a log when the process starts, EYEFLOW_IO_ROOM gives the
 * folder a disk with so many bytes left. */
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One record of a log: this, then `path_bytes` of the file's path, then `data_bytes` of data. */
struct io_record {
  uint32_t kind;
  uint32_t path_bytes;
  uint64_t offset; /* of a write; the new size of a truncation; the value of a mark */
  uint64_t data_bytes;
};

enum io_kind {
  IO_CREATE = 1,      /* the file was not there */
  IO_WRITE = 2,       /* data: what was written */
  IO_TRUNCATE = 3,    /* also what makes a file longer */
  IO_SYNC = 4,        /* fsync, fdatasync */
  IO_SYNC_FOLDER = 5, /* of the folder that the path names */
  IO_RENAME = 6,      /* data: the new path */
  IO_UNLINK = 7,
  IO_MARK = 8,
};

/* Logs everything below `folder` to the file `log`, from now on; NULL ends it. */
void io_log_begin(const char* folder, const char* log);
void io_log_end(void);
/* From the program under test: what came before has been promised. */
void io_mark(uint64_t value);

/* The n-th call that concerns `folder` fails with `error`, counted from 1 and from now; with `always`, all after it
 * too. ENOSPC counts only calls that may need room. n = 0: none fails. Gives the calls counted since the last time. */
uint64_t io_fail(const char* folder, uint64_t n, int error, int always);

/* A disk with room for so many more bytes in `folder`; UINT64_MAX: as much as there is. */
void io_room(const char* folder, uint64_t bytes);

#ifdef __cplusplus
}
#endif
