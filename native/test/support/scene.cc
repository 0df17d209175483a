#include "support/scene.h"

#include <cerrno>
#include <utility>

#include "support/registry.h"

namespace expressgateway::test {

Scene::Scene(const std::string& engine, const Sizes& sizes)
    : host(engine, sizes),
      far_listener_(RawSocket::Listen()),
      far_unix_(RawSocket::Listen(folder_.Path("far"), -1)) {
  RawSocket near = RawSocket::Listen();
  port_ = near.port();
  listener_ = host.transport().Listen(near.Release());
  unix_listener_ = host.transport().Listen(RawSocket::Listen(folder_.Path("near"), -1).Release());
  CHECK(listener_ >= 0 && unix_listener_ >= 0);
}

Link Scene::Make(Kind kind) {
  bool local = kind == Kind::kAcceptedUnix || kind == Kind::kDialledUnix;
  Link link;
  if (kind == Kind::kAccepted || kind == Kind::kAcceptedUnix) {
    link.peer = local ? RawSocket::Dial(folder_.Path("near"), -1) : RawSocket::Dial("127.0.0.1", port_);
    link.record = host.Accept();
    return link;
  }
  RawSocket& far = local ? far_unix_ : far_listener_;
  link.record = local ? host.Connect(folder_.Path("far"), -1) : host.Connect("127.0.0.1", far.port());
  CHECK(link.record != nullptr);
  host.Until("the dial succeeded", [&] {
    CHECK(!link.record->closed);
    if (!link.peer.valid()) link.peer = far.Accept();
    return link.record->open && link.peer.valid();
  });
  return link;
}

std::string Scene::ReadAt(Link* link, size_t size) {
  std::string read;
  host.Until("the far end has read all", [&] {
    ssize_t got = 1;
    while (got > 0 && read.size() < size) got = link->peer.Read(&read, size - read.size());
    CHECK(read.size() == size || got == -EAGAIN);
    return read.size() == size;
  });
  return read;
}

std::string Scene::ReadToEnd(Link* link, int* error) {
  std::string read;
  ssize_t got = 1;
  host.Until("the far end has read the end", [&] {
    do {
      got = link->peer.Read(&read);
    } while (got > 0);
    return got != -EAGAIN;
  });
  if (error != nullptr) *error = static_cast<int>(-got);
  CHECK(error != nullptr || got == 0);
  return read;
}

void Scene::SendFrom(Link* link, std::string_view bytes) {
  host.Until("the kernel has taken all", [&] {
    ssize_t sent = link->peer.Send(bytes);
    if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
    CHECK(sent > 0 || sent == -EAGAIN || bytes.empty());
    return bytes.empty();
  });
}

void Scene::AwaitReceived(const Link& link, size_t size) {
  host.Until("all was received", [&] { return link.record->received.size() >= size; });
  CHECK_EQ(link.record->received.size(), size);
}

void Scene::Settle() {
  Link link = Make(Kind::kAccepted);
  for (int count = 1; count <= 3; count++) {
    SendFrom(&link, "x");
    AwaitReceived(link, static_cast<size_t>(count));
  }
  host.Destroy(link.record.get());
  host.AwaitClose(link.record);
}

}  // namespace expressgateway::test
