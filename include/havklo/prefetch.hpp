// A line that is about to be written, on its way into this core's cache.
//
// What another core has read since it was last written must be taken back from there before a store
// to it can leave: done ahead, nobody waits for it.
// Cost: one instruction, and no fault wherever it points.
#pragma once

#include <cstddef>
#include <cstdint>

namespace havklo {

// __builtin_prefetch would fetch the line to be read only, which the write has to repeat, unless
// the compiler is told of a processor newer than those we build for.
inline void prefetch_for_write(const void* at) {
#ifdef __x86_64__
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
  __builtin_prefetch(at, 1);
#endif
}

// The line so many bytes further on, which may lie behind the end of the object's memory.
inline void prefetch_for_write(const void* at, size_t bytes_ahead) {
  prefetch_for_write(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(at) + bytes_ahead));
}

}  // namespace havklo
