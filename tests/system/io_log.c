#define _GNU_SOURCE
#include "tests/system/io_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Calls go to the kernel directly: what libc would do besides is not needed here, and looking its functions up could
 * find a sanitizer's in between. */

#define MOST_FILES 1024
#define MOST_PATH 512

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[MOST_PATH];
static char paths[MOST_FILES][MOST_PATH]; /* by descriptor; empty: none of ours */
static int log_fd = -1;
static uint64_t calls, fail_at, room = UINT64_MAX;
static int fail_error, fail_always;

static int is_ours(const char* path) {
  const size_t length = strlen(folder);
  return length > 0 && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static const char* path_of(int fd) { return fd >= 0 && fd < MOST_FILES && paths[fd][0] != 0 ? paths[fd] : NULL; }

static void put(const void* data, size_t size) {
  while (size > 0) {
    const long done = syscall(SYS_write, log_fd, data, size);
    if (done <= 0) abort(); /* a log with a hole would prove nothing */
    data = (const char*)data + done;
    size -= (size_t)done;
  }
}

static void record(uint32_t kind, const char* path, uint64_t offset, const void* data, uint64_t size) {
  if (log_fd < 0) return;
  const int before = errno;
  const struct io_record head = {kind, (uint32_t)strlen(path), offset, size};
  put(&head, sizeof head);
  put(path, head.path_bytes);
  put(data, size);
  errno = before;
}

/* Whether this call is to fail; errno is set then. */
static int fails(int needs_room) {
  if (fail_error == ENOSPC && !needs_room) return 0;
  ++calls;
  if (fail_at == 0 || !(calls == fail_at || (fail_always && calls > fail_at))) return 0;
  errno = fail_error;
  return 1;
}

static uint64_t size_of(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? (uint64_t)info.st_size : 0;
}

/* Takes what a file grows by from the room that is left; false when it is not there. */
static int grows(int fd, uint64_t end) {
  const uint64_t before = size_of(fd);
  if (room == UINT64_MAX || end <= before) return 1;
  if (end - before > room) {
    errno = ENOSPC;
    return 0;
  }
  room -= end - before;
  return 1;
}

static void gives_back(uint64_t bytes) {
  if (room != UINT64_MAX) room += bytes;
}

void io_log_begin(const char* of, const char* log) {
  pthread_mutex_lock(&lock);
  strncpy(folder, of, sizeof folder - 1);
  log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (log_fd < 0) abort();
  pthread_mutex_unlock(&lock);
}

void io_log_end(void) {
  pthread_mutex_lock(&lock);
  syscall(SYS_close, log_fd);
  log_fd = -1;
  pthread_mutex_unlock(&lock);
}

void io_mark(uint64_t value) {
  pthread_mutex_lock(&lock);
  record(IO_MARK, "", value, "", 0);
  pthread_mutex_unlock(&lock);
}

uint64_t io_fail(const char* of, uint64_t n, int error, int always) {
  pthread_mutex_lock(&lock);
  const uint64_t counted = calls;
  if (of != NULL) strncpy(folder, of, sizeof folder - 1);
  calls = 0;
  fail_at = n;
  fail_error = error;
  fail_always = always;
  pthread_mutex_unlock(&lock);
  return counted;
}

void io_room(const char* of, uint64_t bytes) {
  pthread_mutex_lock(&lock);
  strncpy(folder, of, sizeof folder - 1);
  room = bytes;
  pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void start(void) {
  const char *of = getenv("EYEFLOW_IO_FOLDER"), *log = getenv("EYEFLOW_IO_LOG");
  const char* bytes = getenv("EYEFLOW_IO_ROOM");
  if (of != NULL && log != NULL) io_log_begin(of, log);
  if (of != NULL && bytes != NULL) io_room(of, strtoull(bytes, NULL, 10));
}

static int open_file(const char* path, int flags, mode_t mode) {
  pthread_mutex_lock(&lock);
  const int ours = is_ours(path);
  int fd = -1;
  if (!ours || !fails((flags & O_CREAT) != 0)) {
    const int is_new = ours && (flags & O_CREAT) != 0 && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd >= 0 && fd < MOST_FILES) {
      paths[fd][0] = 0;
      if (ours) strncpy(paths[fd], path, MOST_PATH - 1);
      if (is_new) record(IO_CREATE, path, 0, "", 0);
      if (ours && (flags & O_TRUNC) != 0) record(IO_TRUNCATE, path, 0, "", 0);
    }
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

#define MODE(flags)             \
  mode_t mode = 0;              \
  if ((flags & O_CREAT) != 0) { \
    va_list rest;               \
    va_start(rest, flags);      \
    mode = va_arg(rest, mode_t); \
    va_end(rest);               \
  }

int open(const char* path, int flags, ...) {
  MODE(flags)
  return open_file(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  MODE(flags)
  return open_file(path, flags, mode);
}

int close(int fd) {
  pthread_mutex_lock(&lock);
  if (fd >= 0 && fd < MOST_FILES) paths[fd][0] = 0;
  const int result = (int)syscall(SYS_close, fd);
  pthread_mutex_unlock(&lock);
  return result;
}

static ssize_t write_at(int fd, const void* data, size_t size, off_t at, int is_positioned) {
  pthread_mutex_lock(&lock);
  const char* path = path_of(fd);
  ssize_t done = -1;
  if (path == NULL) {
    done = is_positioned ? syscall(SYS_pwrite64, fd, data, size, at) : syscall(SYS_write, fd, data, size);
  } else if (!fails(1)) {
    if (!is_positioned) at = syscall(SYS_lseek, fd, 0, SEEK_CUR);
    if (grows(fd, (uint64_t)at + size)) {
      done = is_positioned ? syscall(SYS_pwrite64, fd, data, size, at) : syscall(SYS_write, fd, data, size);
      if (done > 0) record(IO_WRITE, path, (uint64_t)at, data, (uint64_t)done);
    }
  }
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t write(int fd, const void* data, size_t size) {
  if (path_of(fd) == NULL) return syscall(SYS_write, fd, data, size); /* pipes may block: not under the lock */
  return write_at(fd, data, size, 0, 0);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) { return write_at(fd, data, size, at, 1); }
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) { return write_at(fd, data, size, at, 1); }

static int reading_fails(int fd) {
  pthread_mutex_lock(&lock);
  const int no = path_of(fd) != NULL && fails(0);
  pthread_mutex_unlock(&lock);
  return no;
}
ssize_t read(int fd, void* data, size_t size) { return reading_fails(fd) ? -1 : syscall(SYS_read, fd, data, size); }
ssize_t pread(int fd, void* data, size_t size, off_t at) {
  return reading_fails(fd) ? -1 : syscall(SYS_pread64, fd, data, size, at);
}
ssize_t pread64(int fd, void* data, size_t size, off64_t at) {
  return reading_fails(fd) ? -1 : syscall(SYS_pread64, fd, data, size, at);
}

static int sync_file(int fd, long call) {
  pthread_mutex_lock(&lock);
  const char* path = path_of(fd);
  int result = -1;
  if (path == NULL || !fails(0)) {
    result = (int)syscall(call, fd);
    struct stat info;
    if (path != NULL && result == 0 && fstat(fd, &info) == 0) {
      record(S_ISDIR(info.st_mode) ? IO_SYNC_FOLDER : IO_SYNC, path, 0, "", 0);
    }
  }
  pthread_mutex_unlock(&lock);
  return result;
}
int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

static int truncate_file(int fd, off_t size) {
  pthread_mutex_lock(&lock);
  const char* path = path_of(fd);
  int result = -1;
  if (path == NULL) {
    result = (int)syscall(SYS_ftruncate, fd, size);
  } else if (!fails(1) && grows(fd, (uint64_t)size)) {
    const uint64_t before = size_of(fd);
    result = (int)syscall(SYS_ftruncate, fd, size);
    if (result == 0 && before > (uint64_t)size) gives_back(before - (uint64_t)size);
    if (result == 0) record(IO_TRUNCATE, path, (uint64_t)size, "", 0);
  }
  pthread_mutex_unlock(&lock);
  return result;
}
int ftruncate(int fd, off_t size) { return truncate_file(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncate_file(fd, size); }

static int allocate(int fd, off_t at, off_t size) {
  pthread_mutex_lock(&lock);
  const char* path = path_of(fd);
  int result = -1;
  if (path == NULL || (!fails(1) && grows(fd, (uint64_t)(at + size)))) {
    result = (int)syscall(SYS_fallocate, fd, 0, at, size);
    if (path != NULL && result == 0) record(IO_TRUNCATE, path, size_of(fd), "", 0);
  }
  pthread_mutex_unlock(&lock);
  return result == 0 ? 0 : errno;
}
int posix_fallocate(int fd, off_t at, off_t size) { return allocate(fd, at, size); }
int posix_fallocate64(int fd, off64_t at, off64_t size) { return allocate(fd, at, size); }

int rename(const char* from, const char* to) {
  pthread_mutex_lock(&lock);
  int result = -1;
  if (!is_ours(from) || !fails(1)) {
    result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (is_ours(from) && result == 0) record(IO_RENAME, from, 0, to, strlen(to));
  }
  pthread_mutex_unlock(&lock);
  return result;
}

int unlink(const char* path) {
  pthread_mutex_lock(&lock);
  int result = -1;
  if (!is_ours(path) || !fails(0)) {
    struct stat info;
    const uint64_t size = stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
    result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (is_ours(path) && result == 0) {
      gives_back(size);
      record(IO_UNLINK, path, 0, "", 0);
    }
  }
  pthread_mutex_unlock(&lock);
  return result;
}
