#include "process/process_control.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

#include "common/arguments.h"
#include "common/errno_error.h"

namespace expressgateway {
namespace {

// Processors that the kernel may number; Linux can be built for 8192.
constexpr int kMaxProcessors = 8192;

// setParentDeathSignal(signal): the kernel sends it to this process when the thread that made it
// ends. A parent that has ended already sends nothing: the caller compares the parent's id after.
Napi::Value SetParentDeathSignal(const Napi::CallbackInfo& info) {
  int signal = 0;
  if (!ReadInt(info[0], "signal", &signal)) return {};
  if (prctl(PR_SET_PDEATHSIG, signal) != 0) return ThrowErrno(info.Env(), "prctl", errno);
  return info.Env().Undefined();
}

Napi::Value LimitNumber(Napi::Env env, rlim_t limit) {
  if (limit == RLIM_INFINITY) return Napi::Number::New(env, __builtin_inf());
  return Napi::Number::New(env, static_cast<double>(limit));
}

// openFileLimit(): {soft, hard}, descriptors that the process may have open.
Napi::Value OpenFileLimit(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return ThrowErrno(env, "getrlimit", errno);
  Napi::Object result = Napi::Object::New(env);
  result.Set("soft", LimitNumber(env, limit.rlim_cur));
  result.Set("hard", LimitNumber(env, limit.rlim_max));
  return result;
}

// affinityCount(): processors that the process may run on.
Napi::Value AffinityCount(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  cpu_set_t sets[kMaxProcessors / (8 * sizeof(cpu_set_t))];
  if (sched_getaffinity(0, sizeof(sets), sets) != 0) {
    return ThrowErrno(env, "sched_getaffinity", errno);
  }
  return Napi::Number::New(env, CPU_COUNT_S(sizeof(sets), sets));
}

}  // namespace

void ExportProcessControl(Napi::Env env, Napi::Object exports) {
  exports.Set("setParentDeathSignal",
              Napi::Function::New(env, SetParentDeathSignal, "setParentDeathSignal"));
  exports.Set("openFileLimit", Napi::Function::New(env, OpenFileLimit, "openFileLimit"));
  exports.Set("affinityCount", Napi::Function::New(env, AffinityCount, "affinityCount"));
}

}  // namespace expressgateway
