// The memory of a ring: a power of two of records, its own or somebody's.
//
// Owns:    the slots, unless they were given to it: shared memory.
// Threads: none of its own.
#pragma once

#include <bit>
#include <cstddef>
#include <havklo/assert.hpp>
#include <memory>
#include <new>
#include <span>

namespace havklo {

inline constexpr size_t cache_line_bytes = 64;

template <class T>
class RingSlots {
 public:
  // `capacity` must be a power of two.
  explicit RingSlots(size_t capacity) : owned_(make(capacity)), all_(owned_.get(), capacity) {
    HAVKLO_ASSERT(std::has_single_bit(capacity));
  }
  // On memory of the caller, which outlives the ring; best aligned to a cache line.
  explicit RingSlots(std::span<T> memory) : all_(memory) {
    HAVKLO_ASSERT(std::has_single_bit(memory.size()));
  }

  [[nodiscard]] size_t capacity() const { return all_.size(); }
  // For an index that only grows.
  [[nodiscard]] T* at(uint64_t index) const { return all_.data() + (index & (all_.size() - 1)); }
  // From there to the end of the memory.
  [[nodiscard]] size_t until_end(uint64_t index) const {
    return all_.size() - (index & (all_.size() - 1));
  }

 private:
  // Aligned, so that a slot as large as a line shares none with the slot that the other side is at.
  struct Free {
    void operator()(T* slots) const {
      ::operator delete[](slots, std::align_val_t{cache_line_bytes});
    }
  };
  static std::unique_ptr<T[], Free> make(size_t capacity) {
    static_assert(alignof(T) <= cache_line_bytes);
    auto* const slots =
        static_cast<T*>(::operator new[](capacity * sizeof(T), std::align_val_t{cache_line_bytes}));
    std::uninitialized_value_construct_n(slots, capacity);
    return std::unique_ptr<T[], Free>(slots);
  }

  std::unique_ptr<T[], Free> owned_;
  std::span<T> all_;
};

}  // namespace havklo
