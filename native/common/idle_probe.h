// A look at an idle connection before it is used again.
#pragma once

namespace expressgateway {

constexpr int kProbeQuiet = 0;
constexpr int kProbeClosed = 1;
constexpr int kProbeUnexpectedBytes = 2;

// What a read would meet now, without taking it: nothing, the peer's end or an error, or bytes that
// nobody asked for.
int ProbeIdle(int fd);

}  // namespace expressgateway
