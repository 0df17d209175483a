#include "tls/names.h"

namespace expressgateway::tls {
namespace {

constexpr std::string_view kWildcard = "*.";

char Lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

}  // namespace

std::string NormalName(std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  std::string normal(name);
  for (char& letter : normal) letter = Lower(letter);
  return normal;
}

void NameTable::Add(const std::string& name, size_t certificate) {
  if (name.starts_with(kWildcard)) {
    wildcards_.emplace(name.substr(kWildcard.size()), certificate);
  } else {
    exact_.emplace(name, certificate);
  }
}

size_t NameTable::Find(std::string_view name, size_t otherwise) const {
  auto exact = exact_.find(std::string(name));
  if (exact != exact_.end()) return exact->second;
  size_t dot = name.find('.');
  // An asterisk stands for a label, not for none.
  if (dot == std::string_view::npos || dot == 0) return otherwise;
  auto wildcard = wildcards_.find(std::string(name.substr(dot + 1)));
  return wildcard == wildcards_.end() ? otherwise : wildcard->second;
}

}  // namespace expressgateway::tls
