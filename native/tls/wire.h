// Where sessions read and write encrypted bytes: they read what one connection has just received, where
// it lies, and append to one arena that all of them share. So no session holds bytes of its own
// between two calls but those of a record that has not come whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tls/openssl.h"

namespace expressgateway::tls {

// The arena. A run of commands fills it; what is more is sent in between.
constexpr size_t kWireBytes = 512 * 1024;

class Wire {
 public:
  Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // A session's way to it; null when there is no memory. It must not outlive this.
  BIO* Attach();

  // The session that is asked next reads these, which must stay where they are until it was.
  void Feed(const uint8_t* bytes, size_t size) {
    input_ = bytes;
    unread_ = size;
  }
  // What it has not read.
  const uint8_t* input() const { return input_; }
  size_t unread() const { return unread_; }
  void Drop() { unread_ = 0; }

  // What sessions have written lies from the arena's beginning on.
  uint8_t* output() { return output_.get(); }
  size_t used() const { return used_; }
  // Forgets what was written behind `used`.
  void Rewind(size_t used) { used_ = used; }

 private:
  static int Read(BIO* bio, char* to, int size);
  static int Write(BIO* bio, const char* from, int size);
  static long Control(BIO* bio, int command, long number, void* pointer);
  static const BIO_METHOD* Method();

  const uint8_t* input_ = nullptr;
  size_t unread_ = 0;
  std::unique_ptr<uint8_t[]> output_;
  size_t used_ = 0;
};

}  // namespace expressgateway::tls
