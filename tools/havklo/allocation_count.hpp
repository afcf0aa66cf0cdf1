// How often this thread has asked operator new for memory, so that the simulator can say that the
// engine asks for none.
//
// Cost: one increment for each allocation. With a sanitizer, which has its own operator new, there
// is no count.
#pragma once

#include <cstdint>

namespace havklo {

using AllocationCountFunction = uint64_t (*)();
// Null when nothing is counted.
[[nodiscard]] AllocationCountFunction allocation_count();

}  // namespace havklo
