// Tens of thousands of datagrams between sockets that are opened and closed all the while, with whatever can
// be asked of them, by chance. Loopback loses what finds no room; what comes must be whole and in order.
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/pattern.h"
#include "support/random.h"
#include "support/registry.h"
#include "support/udp_host.h"

namespace expressgateway::test {
namespace {

// Sanitizers cost time; this is some seconds under each.
constexpr uint64_t kWantedDatagrams = 200'000;
constexpr int kMaxHosts = 12;
constexpr uint32_t kMaxBytes = 3000;

// What each datagram begins with: the sender's number, its target's, and how many it sent there before.
struct Head {
  uint32_t from;
  uint32_t to;
  uint32_t sequence;
};

class Stress {
 public:
  explicit Stress(uint64_t seed) : random_(seed) {}

  void Run() {
    while (received_ < kWantedDatagrams) {
      if (members_.size() < 2 || (members_.size() < kMaxHosts && random_.OneIn(4))) Open();
      if (members_.size() > 2 && random_.OneIn(5)) Close();
      for (auto& member : members_) {
        if (random_.OneIn(2)) Burst(member.get());
      }
      for (auto& member : members_) member->host->Turn(0);
    }
    CHECK(opened_ > 100);
  }

 private:
  struct Member {
    uint32_t number;
    std::unique_ptr<UdpHost> host;
    // Of each target, the next number to be sent; of each sender, the next that may come.
    std::map<uint32_t, uint32_t> sent;
    std::map<uint32_t, uint32_t> seen;
  };

  void Open() {
    auto member = std::make_unique<Member>();
    member->number = ++opened_;
    UdpSizes sizes = random_.OneIn(3) ? kTinyUdp : UdpSizes();
    bool any = random_.OneIn(3);
    bool v6 = random_.OneIn(2);
    const char* host = v6 ? (any ? "::" : "::1") : (any ? "0.0.0.0" : "127.0.0.1");
    member->host = std::make_unique<UdpHost>(AnyPort(host, random_.OneIn(2), 1 << 20), sizes);
    member->host->keep = false;
    Member* own = member.get();
    v6_[own->number] = v6;
    own->host->on_arrival = [this, own](const UdpArrival& arrival) { Check(own, arrival); };
    if (random_.OneIn(4)) own->host->socket().sender().DisableSegments();
    own->host->socket().Start();
    members_.push_back(std::move(member));
  }

  void Close() {
    size_t index = random_.Below(static_cast<uint32_t>(members_.size()));
    members_[index]->host->Close();
    members_.erase(members_.begin() + static_cast<ptrdiff_t>(index));
  }

  void Burst(Member* own) {
    Member* target = members_[random_.Below(static_cast<uint32_t>(members_.size()))].get();
    if (v6_[own->number] != v6_[target->number]) return;
    const char* host = v6_[own->number] ? "::1" : "127.0.0.1";
    uint32_t segment = random_.Between(sizeof(Head), kMaxBytes);
    uint32_t count = random_.Between(1, std::min(64u, 60'000 / segment));
    std::string run;
    for (uint32_t index = 0; index < count; index++) {
      bool shorter = index == count - 1 && random_.OneIn(2);
      run += Make(own, target->number, shorter ? random_.Between(sizeof(Head), segment) : segment);
    }
    own->host->Send({host, target->host->port()}, run, segment, random_.OneIn(2) ? host : "");
  }

  std::string Make(Member* own, uint32_t to, uint32_t size) {
    Head head = {own->number, to, own->sent[to]++};
    std::string bytes = pattern_.Text(head.from * 31 + head.sequence, size);
    std::memcpy(bytes.data(), &head, sizeof(head));
    return bytes;
  }

  void Check(Member* own, const UdpArrival& arrival) {
    Head head;
    CHECK(arrival.bytes.size() >= sizeof(head));
    std::memcpy(&head, arrival.bytes.data(), sizeof(head));
    // What was meant for a socket that had the port before is no business of ours.
    if (head.to != own->number) return;
    received_++;
    uint32_t& next = own->seen[head.from];
    CHECK(head.sequence >= next);
    next = head.sequence + 1;
    std::string expected = pattern_.Text(head.from * 31 + head.sequence, arrival.bytes.size());
    std::memcpy(expected.data(), &head, sizeof(head));
    CHECK(arrival.bytes == expected);
    if (random_.OneIn(50)) Burst(own);
  }

  Random random_;
  Pattern pattern_;
  std::vector<std::unique_ptr<Member>> members_;
  std::map<uint32_t, bool> v6_;
  uint32_t opened_ = 0;
  uint64_t received_ = 0;
};

TEST("udp stress: datagrams between sockets that come and go") { Stress(ChooseSeed()).Run(); }

TEST("udp stress: sockets that are opened and closed in the middle of things") {
  UdpPeer peer;
  for (int count = 0; count < 3000; count++) {
    UdpHost own(AnyPort("127.0.0.1", count % 2 == 0, 100'000), count % 3 == 0 ? kTinyUdp : UdpSizes{2, 64, 8, 65'536, 8});
    if (count % 5 != 0) own.socket().Start();
    peer.Send({"127.0.0.1", own.port()}, "x");
    own.Send({"127.0.0.1", own.port()}, "to itself");
    own.Send({"127.0.0.1", 9}, "refused");
    own.on_arrival = [&](const UdpArrival&) {
      if (count % 7 == 0) own.Close();
    };
    own.Turn(0);
    if (count % 4 == 0) own.Close();
  }
}

}  // namespace
}  // namespace expressgateway::test
