// What a running session tells of itself.
//
// Threads: a snapshot; the engine's loop counts, anyone may ask for one.
#pragma once

#include <cstdint>

namespace havklo {

struct SessionCounters {
  uint64_t attempts = 0;     // to connect, that have begun
  uint64_t connections = 0;  // that the venue has greeted: the last one's epoch
  uint64_t losses = 0;       // of these
  uint64_t messages = 0;     // whole ones, heartbeats and answers too
  int64_t lag_ns = 0;  // of the last update of a book or trade: UTC here less the venue's time
};

}  // namespace havklo
