"""Forges ICMP "fragmentation needed" (RFC 792) or ICMPv6 "packet too big" (RFC 4443) for one flow of UDP.

Usage: forge_too_big.py SENDER SENDER_PORT RECEIVER RECEIVER_PORT MTU...

Tells the sender of the flow, which is on this machine, again and again that the path takes packets of these
sizes only, until the standard input ends. Then prints as JSON how many messages there were, and what the kernel
believes of the path to the receiver. Needs CAP_NET_RAW.
"""

import json
import select
import socket
import struct
import sys

PAUSE_S = 0.002
DATAGRAM_OCTETS = 1358
# From <linux/in.h> and <linux/in6.h>.
IP_MTU = 14
IPV6_MTU = 24


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def needed_v4(sender, receiver, udp, mtu):
    addresses = socket.inet_aton(sender[0]) + socket.inet_aton(receiver[0])
    length = 20 + DATAGRAM_OCTETS
    ip = struct.pack("!BBHHHBBH", 0x45, 0, length, 1, 0x4000, 64, socket.IPPROTO_UDP, 0) + addresses
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    message = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + ip + udp
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def too_big_v6(sender, receiver, udp, mtu):
    """The kernel adds the checksum."""
    addresses = b"".join(socket.inet_pton(socket.AF_INET6, host) for host, _ in (sender, receiver))
    ip = struct.pack("!IHBB", 0x60000000, DATAGRAM_OCTETS, socket.IPPROTO_UDP, 64) + addresses
    return struct.pack("!BBHI", 2, 0, 0, mtu) + ip + udp


def path_mtu(family, receiver):
    level, option = (socket.IPPROTO_IPV6, IPV6_MTU) if family == socket.AF_INET6 else (socket.IPPROTO_IP, IP_MTU)
    with socket.socket(family, socket.SOCK_DGRAM) as asker:
        asker.connect(receiver)
        return asker.getsockopt(level, option)


def main():
    sender = (sys.argv[1], int(sys.argv[2]))
    receiver = (sys.argv[3], int(sys.argv[4]))
    v6 = ":" in sender[0]
    family = socket.AF_INET6 if v6 else socket.AF_INET
    udp = struct.pack("!HHHH", sender[1], receiver[1], DATAGRAM_OCTETS, 0)
    make = too_big_v6 if v6 else needed_v4
    messages = [make(sender, receiver, udp, int(mtu)) for mtu in sys.argv[5:]]
    protocol = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    sent = 0
    with socket.socket(family, socket.SOCK_RAW, protocol) as raw:
        print("forging", flush=True)
        while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
            for message in messages:
                raw.sendto(message, (sender[0], 0))
                sent += 1
    print(json.dumps({"sent": sent, "pathMtu": path_mtu(family, receiver)}))


main()
