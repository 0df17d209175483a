#include "support/udp_host.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "common/address.h"
#include "support/registry.h"

namespace expressgateway::test {
namespace {

// A condition that takes longer will not come true.
constexpr auto kPatience = std::chrono::seconds(20);

// How long a turn waits while a condition is waited for that no event may announce.
constexpr int kTurnMs = 1;

std::string HostText(const uint32_t words[4]) {
  char text[INET6_ADDRSTRLEN];
  if (IsMapped(words)) {
    in_addr v4 = Ipv4Of(words);
    return inet_ntop(AF_INET, &v4, text, sizeof(text));
  }
  in6_addr v6 = Ipv6Of(words);
  return inet_ntop(AF_INET6, &v6, text, sizeof(text));
}

void Parse(const UdpPlace& place, uint32_t words[4], uint32_t* port) {
  sockaddr_storage address;
  uint32_t scope = 0;
  CHECK(ParseAddress(place.host, place.port, &address) != 0);
  CHECK(ReadAddress(address, words, port, &scope));
}

bool WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.flush();
  return file.good();
}

// Whether it succeeded.
bool Shell(const std::string& command) {
  int status = std::system((command + " >/dev/null 2>&1").c_str());
  return status == 0;
}

}  // namespace

udp::OpenOptions AnyPort(const std::string& host, bool reuse_port, int buffer_bytes) {
  return {host, 0, reuse_port, buffer_bytes};
}

UdpHost::UdpHost(const UdpSizes& sizes) : UdpHost(AnyPort("127.0.0.1"), sizes) {}

UdpHost::UdpHost(const udp::OpenOptions& options, const UdpSizes& sizes)
    : sizes_(sizes),
      slab_(new uint8_t[size_t{sizes.messages} * udp::kMessageBytes]()),
      received_(new udp::Datagram[sizes.received]()),
      unreachable_(new udp::Unreachable[sizes.unreachable]()),
      out_(new uint8_t[sizes.out_bytes]()),
      staged_(new udp::Datagram[sizes.staged]()),
      state_(new udp::State()) {
  udp::SharedMemory memory = {slab_.get(),
                              sizes.messages * udp::kMessageBytes,
                              received_.get(),
                              sizes.received,
                              unreachable_.get(),
                              sizes.unreachable,
                              out_.get(),
                              sizes.out_bytes,
                              staged_.get(),
                              sizes.staged,
                              state_.get()};
  const char* call = nullptr;
  int fd = udp::OpenSocket(options, &call);
  CHECK(fd >= 0);
  socket_ = std::make_unique<udp::Socket>(fd, memory, static_cast<udp::Host*>(this));
}

void UdpHost::Send(const UdpPlace& to, std::string_view bytes, uint32_t segment,
                   const std::string& local, uint32_t ecn) {
  CHECK(bytes.size() <= sizes_.out_bytes);
  if (out_used_ + bytes.size() > sizes_.out_bytes) Flush();
  if (staged_count_ == sizes_.staged) Flush();
  std::memcpy(out_.get() + out_used_, bytes.data(), bytes.size());
  udp::Datagram& run = staged_[staged_count_++];
  run = {};
  run.start = out_used_;
  run.end = out_used_ + static_cast<uint32_t>(bytes.size());
  Parse(to, run.remote, &run.remote_port);
  uint32_t ignored = 0;
  if (!local.empty()) Parse({local, 0}, run.local, &ignored);
  run.segment = segment == 0 ? static_cast<uint32_t>(bytes.size()) : segment;
  run.ecn = ecn;
  out_used_ = run.end;
  if (!in_batch_) Flush();
}

void UdpHost::Flush() {
  uint32_t staged = std::exchange(staged_count_, 0);
  out_used_ = 0;
  if (staged > 0 && open()) socket_->Run(staged);
}

void UdpHost::Close() {
  Flush();
  socket_->Stop();
  if (!in_batch_) socket_.reset();
}

// As `EventLoop`: an error ends the watch for anything else in its turn.
void UdpHost::Turn(int timeout_ms) {
  short events = static_cast<short>(((watched_ & udp::kReadable) != 0 ? POLLIN : 0) |
                                    ((watched_ & udp::kWritable) != 0 ? POLLOUT : 0));
  pollfd ready = {events == 0 ? -1 : socket_->fd(), events, 0};
  poll(&ready, 1, poked_ ? 0 : timeout_ms);
  int found = ((ready.revents & POLLIN) != 0 ? udp::kReadable : 0) |
              ((ready.revents & POLLOUT) != 0 ? udp::kWritable : 0);
  if ((ready.revents & POLLERR) != 0) found = udp::kError;
  if (found == 0 && !poked_) return;
  poked_ = false;
  socket_->Tick(found);
}

void UdpHost::Until(const char* what, const std::function<bool()>& holds) {
  auto end = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) {
      ::expressgateway::test::Fail(__FILE__, __LINE__, std::string("waited in vain until ") + what);
    }
    Turn(kTurnMs);
  }
}

void UdpHost::AwaitArrivals(size_t wanted) {
  Until("all datagrams have come", [this, wanted] { return count >= wanted; });
  CHECK_EQ(count, wanted);
}

uint32_t UdpHost::Deliver(uint32_t datagrams, uint32_t unreachable, bool drained) {
  CHECK(!in_batch_);
  CHECK(datagrams > 0 || unreachable > 0 || drained);
  CHECK(datagrams <= sizes_.received && unreachable <= sizes_.unreachable);
  CHECK_EQ(failed, 0);
  in_batch_ = true;
  if (datagrams > 0) batches.push_back(datagrams);
  for (uint32_t index = 0; index < datagrams; index++) {
    // They lie one behind the other and share no byte.
    if (index > 0) CHECK(received_[index - 1].end <= received_[index].start);
    OnDatagram(received_[index]);
  }
  for (uint32_t index = 0; index < unreachable; index++) {
    const udp::Unreachable& one = unreachable_[index];
    told.push_back({{HostText(one.remote), static_cast<int>(one.port)}, one.error});
  }
  if (drained) {
    CHECK_EQ(state_->blocked, 0);
    drains++;
  }
  in_batch_ = false;
  out_used_ = 0;
  return std::exchange(staged_count_, 0);
}

void UdpHost::OnDatagram(const udp::Datagram& record) {
  CHECK(record.start <= record.end && record.end <= sizes_.messages * udp::kMessageBytes);
  CHECK_EQ(record.segment, 0);
  UdpArrival arrival = {
      std::string(reinterpret_cast<const char*>(slab_.get()) + record.start, record.end - record.start),
      {HostText(record.remote), static_cast<int>(record.remote_port)},
      HostText(record.local),
      record.ecn};
  count++;
  if (on_arrival) on_arrival(arrival);
  if (keep) arrivals.push_back(std::move(arrival));
}

UdpPeer::UdpPeer(const std::string& host) : host_(host) {
  sockaddr_storage address;
  socklen_t length = ParseAddress(host, 0, &address);
  fd_ = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  Set(SOL_SOCKET, SO_RCVBUF, 4 << 20);
  CHECK_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), length), 0);
  length = sizeof(address);
  getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
  uint32_t words[4];
  uint32_t port = 0;
  uint32_t scope = 0;
  ReadAddress(address, words, &port, &scope);
  port_ = static_cast<int>(port);
}

UdpPeer::~UdpPeer() { close(fd_); }

void UdpPeer::Set(int level, int option, int value) {
  setsockopt(fd_, level, option, &value, sizeof(value));
}

void UdpPeer::Send(const UdpPlace& to, std::string_view bytes) {
  sockaddr_storage address;
  socklen_t length = ParseAddress(to.host, to.port, &address);
  ssize_t sent = sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&address), length);
  CHECK_EQ(sent, static_cast<ssize_t>(bytes.size()));
}

void UdpPeer::Read(std::vector<std::string>* out, UdpPlace* from) {
  std::string bytes(65'536, '\0');
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  for (;;) {
    ssize_t got = recvfrom(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&address), &length);
    if (got < 0) return;
    out->push_back(bytes.substr(0, static_cast<size_t>(got)));
    if (from == nullptr) continue;
    uint32_t words[4];
    uint32_t port = 0;
    uint32_t scope = 0;
    ReadAddress(address, words, &port, &scope);
    *from = {HostText(words), static_cast<int>(port)};
  }
}

std::vector<std::string> ReadAll(UdpHost* host, UdpPeer* peer, size_t count) {
  std::vector<std::string> all;
  host->Until("the peer has all datagrams", [&] {
    peer->Read(&all);
    return all.size() >= count;
  });
  CHECK_EQ(all.size(), count);
  return all;
}

bool EnterOwnNetwork(const std::string& command) {
  uid_t uid = getuid();
  gid_t gid = getgid();
  bool entered = unshare(CLONE_NEWNET) == 0;
  if (!entered && unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) {
    WriteFile("/proc/self/setgroups", "deny");
    WriteFile("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
    WriteFile("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
    entered = true;
  }
  bool ready = entered && Shell("ip link set lo up && " + command);
  if (!ready) std::printf("SKIPPED: no network of its own here, or not by `%s`\n", command.c_str());
  return ready;
}

}  // namespace expressgateway::test
