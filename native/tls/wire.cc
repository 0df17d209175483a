#include "tls/wire.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace expressgateway::tls {
namespace {

Wire* Of(BIO* bio) { return static_cast<Wire*>(BIO_get_data(bio)); }

}  // namespace

BIO* Wire::Attach() {
  if (output_ == nullptr) output_.reset(new (std::nothrow) uint8_t[kWireBytes]);
  BIO* bio = output_ == nullptr ? nullptr : BIO_new(Method());
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

// Made once for the process and never changed.
const BIO_METHOD* Wire::Method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "expressgateway");
    if (made == nullptr) return made;
    BIO_meth_set_read(made, Read);
    BIO_meth_set_write(made, Write);
    BIO_meth_set_ctrl(made, Control);
    return made;
  }();
  return method;
}

int Wire::Read(BIO* bio, char* to, int size) {
  BIO_clear_retry_flags(bio);
  Wire* wire = Of(bio);
  size_t taken = std::min(wire->unread_, static_cast<size_t>(std::max(size, 0)));
  if (taken == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  std::memcpy(to, wire->input_, taken);
  wire->input_ += taken;
  wire->unread_ -= taken;
  return static_cast<int>(taken);
}

// All or nothing: what has no room is written again when the arena is empty.
int Wire::Write(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  Wire* wire = Of(bio);
  if (size <= 0) return 0;
  if (static_cast<size_t>(size) > kWireBytes - wire->used_) {
    BIO_set_retry_write(bio);
    return -1;
  }
  std::memcpy(wire->output_.get() + wire->used_, from, static_cast<size_t>(size));
  wire->used_ += static_cast<size_t>(size);
  return size;
}

long Wire::Control(BIO* bio, int command, long number, void* pointer) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

}  // namespace expressgateway::tls
