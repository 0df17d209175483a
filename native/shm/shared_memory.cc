#include "shm/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "common/arguments.h"
#include "common/errno_error.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U  // Linux 6.3; older kernels answer EINVAL
#endif

namespace expressgateway {
namespace {

// The descriptor is close-on-exec: a child gets it only where it is passed on purpose, by the
// `stdio` of child_process.spawn, whose dup2 clears the flag.
int OpenMemfd(const std::string& name) {
  unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd = memfd_create(name.c_str(), flags | MFD_NOEXEC_SEAL);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name.c_str(), flags);
  return fd;
}

// Sealed against resizing, because a mapping of a file that shrank ends its reader with SIGBUS.
const char* SizeAndSeal(int fd, size_t bytes) {
  if (ftruncate(fd, static_cast<off_t>(bytes)) != 0) return "ftruncate";
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return "fcntl";
  return nullptr;
}

// createSharedMemory(name, bytes): a descriptor of zeroed memory.
Napi::Value Create(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string name;
  size_t bytes = 0;
  if (!ReadString(info[0], "name", &name) || !ReadBytes(info[1], "bytes", &bytes)) return {};
  int fd = OpenMemfd(name);
  if (fd < 0) return ThrowErrno(env, "memfd_create", errno);
  const char* failed = SizeAndSeal(fd, bytes);
  if (failed != nullptr) {
    int error = errno;
    close(fd);
    return ThrowErrno(env, failed, error);
  }
  return Napi::Number::New(env, fd);
}

// Runs when the ArrayBuffer is collected, or when its environment ends; the buffer is detached
// before. V8 counts the ArrayBuffer's length as external memory by itself.
void Unmap(Napi::BasicEnv env, void* address, size_t* bytes) {
  munmap(address, *bytes);
  delete bytes;
}

// mapSharedMemory(fd, bytes): an ArrayBuffer over the memory. The descriptor may be closed after.
Napi::Value Map(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int fd = -1;
  size_t bytes = 0;
  if (!ReadInt(info[0], "fd", &fd) || !ReadBytes(info[1], "bytes", &bytes)) return {};
  struct stat file;
  if (fstat(fd, &file) != 0) return ThrowErrno(env, "fstat", errno);
  // Pages past the end of the file would be mapped, and end the process when touched.
  if (static_cast<size_t>(file.st_size) < bytes) return ThrowErrno(env, "mmap", EINVAL);
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return ThrowErrno(env, "mmap", errno);
  size_t* length = new size_t(bytes);
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, address, bytes, Unmap, length);
  if (buffer.IsEmpty()) Unmap(env, address, length);
  return buffer;
}

}  // namespace

void ExportSharedMemory(Napi::Env env, Napi::Object exports) {
  exports.Set("createSharedMemory", Napi::Function::New(env, Create, "createSharedMemory"));
  exports.Set("mapSharedMemory", Napi::Function::New(env, Map, "mapSharedMemory"));
}

}  // namespace expressgateway
