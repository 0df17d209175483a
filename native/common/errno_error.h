// Failed system calls as JavaScript errors of the shape that Node.js gives them: `code` is the name
// of the errno, `syscall` the call, `errno` its negative number.
#pragma once

#include <napi.h>

namespace expressgateway {

// Makes the error pending and returns undefined, for `return ThrowErrno(...)`.
Napi::Value ThrowErrno(Napi::Env env, const char* syscall, int error);

}  // namespace expressgateway
