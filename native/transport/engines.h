// Which engines there are, and whether one can run here.
#pragma once

#include <memory>
#include <string>

#include "transport/transport.h"

namespace expressgateway::transport {

// Null for a name that is none.
std::unique_ptr<Transport> MakeTransport(const std::string& engine, const SharedMemory& memory,
                                         Host* host);

// Empty when the engine can run here, else the reason in one line.
std::string ProbeEngine(const std::string& engine);

}  // namespace expressgateway::transport
