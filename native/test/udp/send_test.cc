// Datagrams that a socket sends, and those that it cannot send.
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "common/address.h"
#include "support/pattern.h"
#include "support/raw_socket.h"
#include "support/registry.h"
#include "support/udp_host.h"

namespace expressgateway::test {
namespace {

const char* const kIpv4 = "127.0.0.1";

std::vector<std::string> Cut(const std::string& bytes, size_t segment) {
  std::vector<std::string> pieces;
  for (size_t from = 0; from < bytes.size(); from += segment) pieces.push_back(bytes.substr(from, segment));
  return pieces;
}

void ExpectRun(UdpHost* own, UdpPeer* peer, const std::string& bytes, uint32_t segment) {
  own->Send(peer->place(), bytes, segment);
  std::vector<std::string> pieces = Cut(bytes, segment);
  CHECK(ReadAll(own, peer, pieces.size()) == pieces);
}

TEST("udp send: runs go out as datagrams of one size, with and without the kernel's help") {
  Pattern pattern;
  std::vector<std::string> hosts = {kIpv4};
  if (HasIpv6()) hosts.push_back("::1");
  for (const std::string& host : hosts) {
    for (bool segments : {true, false}) {
      UdpHost own{AnyPort(host)};
      CHECK(own.socket().sender().segments());
      if (!segments) own.socket().sender().DisableSegments();
      UdpPeer peer(host);
      uint32_t number = 0;
      for (uint32_t segment : {1u, 100u, 1200u, 1472u, 30'000u, 64'999u}) {
        for (size_t size : {size_t{1}, size_t{segment}, size_t{segment} + 1, size_t{segment} * 64}) {
          size = std::min<size_t>(size, 65'536);
          ExpectRun(&own, &peer, pattern.Text(number++, size), segment);
        }
      }
      CHECK_EQ(own.socket().sender().segments(), segments);
      CHECK_EQ(own.state().dropped, 0);
    }
  }
}

// The kernel refuses runs without checksums.
TEST("udp send: a socket whose runs are refused sends them one by one from then on") {
  Pattern pattern;
  UdpHost own;
  UdpPeer peer;
  int on = 1;
  CHECK_EQ(setsockopt(own.socket().fd(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on)), 0);
  ExpectRun(&own, &peer, pattern.Text(1, 1200), 1200);
  CHECK(own.socket().sender().segments());
  ExpectRun(&own, &peer, pattern.Text(2, 60'001), 1200);
  CHECK(!own.socket().sender().segments());
  ExpectRun(&own, &peer, pattern.Text(3, 60'001), 1200);
  CHECK_EQ(own.state().dropped, 0);
}

TEST("udp send: a run that cannot be sent says nothing about others") {
  UdpHost own{AnyPort("0.0.0.0")};
  UdpPeer peer;
  // No address of this machine.
  own.Send(peer.place(), std::string(2400, 'x'), 1200, "192.0.2.1");
  CHECK_EQ(own.state().dropped, 2);
  CHECK(own.socket().sender().segments());
  ExpectRun(&own, &peer, std::string(2400, 'y'), 1200);
}

TEST("udp send: many runs to many peers in one call, each peer's in order") {
  UdpHost own;
  own.socket().Start();
  UdpPeer peers[3];
  UdpPeer asking;
  own.on_arrival = [&](const UdpArrival&) {
    for (int count = 0; count < 150; count++) {
      for (UdpPeer& peer : peers) own.Send(peer.place(), std::string(3, static_cast<char>(count)), 1);
    }
  };
  asking.Send({kIpv4, own.port()}, "go");
  for (UdpPeer& peer : peers) {
    std::vector<std::string> all = ReadAll(&own, &peer, 450);
    for (size_t index = 0; index < 450; index++) {
      CHECK_EQ(all[index], std::string(1, static_cast<char>(index / 3)));
    }
  }
}

TEST("udp send: what cannot be sent is counted, costs nothing else, and no route is told") {
  UdpHost own;
  own.socket().Start();
  UdpPeer peer;
  // Larger than UDP can be; a run of those; a peer of another family; an address that routing refuses.
  own.Send(peer.place(), std::string(65'508, 'x'));
  CHECK_EQ(own.state().dropped, 1);
  own.Send({"::1", 9}, "x");
  CHECK_EQ(own.state().dropped, 2);
  own.Send({"203.0.113.1", 9}, std::string(2400, 'x'), 1200);
  CHECK_EQ(own.state().dropped, 4);
  own.Send({"255.255.255.255", 9}, "x");
  CHECK_EQ(own.state().dropped, 5);
  own.Send(peer.place(), "good");
  CHECK_EQ(ReadAll(&own, &peer, 1)[0], "good");
  CHECK(own.socket().sender().segments());
  CHECK_EQ(own.failed, 0);
}

TEST("udp send: a datagram for which there is no route is told of") {
  if (!EnterOwnNetwork()) return;
  UdpHost own{AnyPort("0.0.0.0")};
  own.socket().Start();
  own.Send({"203.0.113.1", 9}, "x");
  own.Until("it is told of", [&] { return !own.told.empty(); });
  CHECK_EQ(own.told[0].error, ENETUNREACH);
  CHECK_EQ(own.told[0].remote.host, "203.0.113.1");
  CHECK_EQ(own.state().dropped, 1);
}

TEST("udp send: a peer that is not there is told of, and its errors cost others nothing") {
  std::vector<std::string> hosts = {kIpv4};
  if (HasIpv6()) hosts.push_back("::1");
  for (const std::string& host : hosts) {
    for (const UdpSizes& sizes : {UdpSizes(), kTinyUdp}) {
      UdpHost own(AnyPort(host), sizes);
      own.socket().Start();
      UdpPlace gone = UdpPeer(host).place();
      UdpPeer peer(host);
      for (int round = 1; round <= 20; round++) {
        // Each of these leaves an error for the next call.
        for (int count = 0; count < 5; count++) {
          own.Send(gone, "x");
          own.Send(peer.place(), "y");
        }
        ReadAll(&own, &peer, 5);
        peer.Send({host, own.port()}, "z");
        own.AwaitArrivals(static_cast<size_t>(round));
      }
      own.Until("it was told of", [&] { return !own.told.empty(); });
      for (const UdpTold& told : own.told) {
        CHECK(told.remote == gone);
        CHECK_EQ(told.error, ECONNREFUSED);
      }
      CHECK_EQ(own.failed, 0);
    }
  }
}

// A line that takes less than is sent: the kernel's buffer fills up.
bool EnterSlowNetwork() {
  return EnterOwnNetwork("tc qdisc add dev lo root tbf rate 200mbit burst 70kb limit 16mb");
}

TEST("udp send: what the kernel has no room for waits, goes out in order, and its end is told once") {
  if (!EnterSlowNetwork()) return;
  Pattern pattern;
  for (bool segments : {true, false}) {
    UdpHost own(AnyPort(kIpv4, false, 20'000));
    if (!segments) own.socket().sender().DisableSegments();
    own.socket().Start();
    UdpPeer peer;
    std::string whole;
    while (own.state().blocked == 0) {
      std::string bytes = pattern.Text(1, 12'100);
      whole += bytes;
      own.Send(peer.place(), bytes, 1200);
      CHECK(whole.size() < 4'000'000);
    }
    for (int count = 0; count < 20; count++) {
      std::string bytes = pattern.Text(2, 5000);
      whole += bytes;
      own.Send(peer.place(), bytes, 1200);
    }
    CHECK(own.socket().sender().waiting());
    std::vector<std::string> all;
    own.Until("all has gone out", [&] {
      peer.Read(&all);
      return own.state().blocked == 0;
    });
    CHECK_EQ(own.drains, 1);
    CHECK(!own.socket().sender().waiting());
    std::string read;
    own.Until("the peer has all", [&] {
      peer.Read(&all);
      read.clear();
      for (const std::string& bytes : all) read += bytes;
      return read.size() >= whole.size();
    });
    CHECK(read == whole);
    CHECK_EQ(own.state().dropped, 0);
  }
}

TEST("udp send: what waits is bounded, and the socket closes with it") {
  if (!EnterSlowNetwork()) return;
  UdpHost own(AnyPort(kIpv4, false, 20'000));
  own.socket().Start();
  UdpPeer peer;
  for (int count = 0; count < 400; count++) own.Send(peer.place(), std::string(60'000, 'x'), 1200);
  CHECK_EQ(own.state().blocked, 1);
  CHECK(own.state().dropped > 400 * 50 / 2);
  CHECK_EQ(own.state().dropped % 50, 0);
  own.Close();
}

uint16_t Checksum(const uint8_t* bytes, size_t size) {
  uint32_t sum = 0;
  for (size_t at = 0; at + 1 < size; at += 2) sum += static_cast<uint32_t>(bytes[at] << 8 | bytes[at + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// Says that a packet from `own` to `peer` was too big for a path of this MTU (RFC 792, RFC 1191).
bool ForgeTooBig(int own, int peer, uint16_t mtu) {
  struct {
    icmphdr icmp;
    iphdr ip;
    udphdr udp;
  } message = {};
  message.icmp.type = ICMP_DEST_UNREACH;
  message.icmp.code = ICMP_FRAG_NEEDED;
  message.icmp.un.frag.mtu = htons(mtu);
  message.ip.version = 4;
  message.ip.ihl = 5;
  message.ip.tot_len = htons(1228);
  message.ip.frag_off = htons(IP_DF);
  message.ip.ttl = 64;
  message.ip.protocol = IPPROTO_UDP;
  message.ip.saddr = htonl(INADDR_LOOPBACK);
  message.ip.daddr = htonl(INADDR_LOOPBACK);
  message.udp.source = htons(static_cast<uint16_t>(own));
  message.udp.dest = htons(static_cast<uint16_t>(peer));
  message.udp.len = htons(1208);
  const auto* bytes = reinterpret_cast<const uint8_t*>(&message);
  message.icmp.checksum = htons(Checksum(bytes, sizeof(message)));
  RawSocket raw(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
  sockaddr_storage to;
  socklen_t length = ParseAddress(kIpv4, 0, &to);
  ssize_t sent = sendto(raw.fd(), &message, sizeof(message), 0, reinterpret_cast<sockaddr*>(&to), length);
  return sent == static_cast<ssize_t>(sizeof(message));
}

// The kernel's idea of the path, as a socket that asks for it has it.
int KnownMtu(const UdpPlace& to) {
  UdpPeer asking;
  asking.Set(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
  sockaddr_storage address;
  socklen_t length = ParseAddress(to.host, to.port, &address);
  CHECK_EQ(connect(asking.fd(), reinterpret_cast<sockaddr*>(&address), length), 0);
  int mtu = -1;
  length = sizeof(mtu);
  getsockopt(asking.fd(), IPPROTO_IP, IP_MTU, &mtu, &length);
  return mtu;
}

TEST("udp send: a forged message that packets are too big changes nothing") {
  if (!EnterOwnNetwork()) return;
  UdpHost own;
  own.socket().Start();
  UdpPeer peer;
  Pattern pattern;
  for (uint16_t mtu : {uint16_t{68}, uint16_t{576}, uint16_t{1199}, uint16_t{0}}) {
    CHECK(ForgeTooBig(own.port(), peer.place().port, mtu));
    for (uint32_t segment : {1200u, 20'000u}) {
      ExpectRun(&own, &peer, pattern.Text(1, 60'000), segment);
      CHECK(ForgeTooBig(own.port(), peer.place().port, mtu));
      ExpectRun(&own, &peer, pattern.Text(2, 1200), 1200);
    }
  }
  for (int count = 0; count < 20; count++) own.Turn(1);
  // The kernel believed it, as others would see.
  CHECK(KnownMtu(peer.place()) < 1200);
  CHECK_EQ(own.told.size(), 0);
  CHECK_EQ(own.state().dropped, 0);
  CHECK(own.socket().sender().segments());
}

TEST("udp send: larger than the device takes is dropped, one by one, and only that") {
  if (!EnterOwnNetwork("ip link set lo mtu 1400")) return;
  UdpHost own;
  own.socket().Start();
  UdpPeer peer;
  own.Send(peer.place(), std::string(1373, 'x'));
  CHECK_EQ(own.state().dropped, 1);
  own.Send(peer.place(), std::string(3 * 1373 + 5, 'x'), 1373);
  CHECK_EQ(own.state().dropped, 4);
  CHECK_EQ(ReadAll(&own, &peer, 1)[0].size(), 5);
  ExpectRun(&own, &peer, std::string(5 * 1372, 'y'), 1372);
  CHECK_EQ(own.state().dropped, 4);
  CHECK(own.socket().sender().segments());
  for (int count = 0; count < 20; count++) own.Turn(1);
  CHECK_EQ(own.told.size(), 0);
}

}  // namespace
}  // namespace expressgateway::test
