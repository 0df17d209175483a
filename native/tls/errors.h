// What OpenSSL says of a failure. Its queue of errors belongs to the thread, where the runtime's own use
// of OpenSSL meets ours: every call of ours begins and ends with an empty one.
#pragma once

#include <string>

namespace expressgateway::tls {

// Forgets what others have left.
void ClearErrors();

// The reason in OpenSSL's words, such as `no shared cipher`, or `otherwise` when it gives none. The queue is
// empty after.
std::string TakeReason(const char* otherwise);

}  // namespace expressgateway::tls
