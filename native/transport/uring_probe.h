// Whether the io_uring engine can run here.
#pragma once

#include <string>

namespace expressgateway::transport {

// Tries what the engine uses on a ring of its own. Empty, or the reason in one line.
std::string ProbeUring();

}  // namespace expressgateway::transport
