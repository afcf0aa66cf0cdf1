// TracerPid, and the signal.
#include "havklo/debugger.hpp"

#include <csignal>
#include <fstream>
#include <string>

namespace havklo {

bool is_debugged() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("TracerPid:")) return line.find_first_of("123456789") != std::string::npos;
  }
  return false;
}

void break_into_debugger() { static_cast<void>(std::raise(SIGTRAP)); }

}  // namespace havklo
