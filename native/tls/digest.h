// SHA-256 over texts, each with its length, so that no two lists of them are alike.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace expressgateway::tls {

std::array<uint8_t, 32> DigestOf(std::initializer_list<std::string_view> texts);

}  // namespace expressgateway::tls
