// Is a debugger attached, and stop in it.
#pragma once

namespace havklo {

// By /proc/self/status; false where that cannot be read.
[[nodiscard]] bool is_debugged();

// SIGTRAP: the debugger shows the caller. Without one the program would end.
void break_into_debugger();

}  // namespace havklo
