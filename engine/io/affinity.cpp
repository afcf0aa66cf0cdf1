// sched_setaffinity(2), verified by sched_getaffinity(2).
#include "io/affinity.hpp"

#include <sched.h>

#include <cerrno>
#include <cstring>

namespace havklo::io {

std::expected<void, std::string> pin_this_thread(uint32_t cpu) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  const bool in_range = cpu < CPU_SETSIZE;
  if (in_range) CPU_SET(cpu, &wanted);
  if (in_range && sched_setaffinity(0, sizeof wanted, &wanted) == 0) {
    cpu_set_t actual;
    CPU_ZERO(&actual);
    if (sched_getaffinity(0, sizeof actual, &actual) == 0 && CPU_EQUAL(&actual, &wanted)) return {};
  }
  std::string cores;
  for (uint32_t each = 0; each < CPU_SETSIZE; ++each) {
    if (!CPU_ISSET(each, &allowed)) continue;
    if (!cores.empty()) cores += ", ";
    cores += std::to_string(each);
  }
  return std::unexpected("cannot pin to cpu " + std::to_string(cpu) + ": this process may use " +
                         cores);
}

}  // namespace havklo::io
