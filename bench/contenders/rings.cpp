// The ring of the events.
#include "bench/questions/rings.hpp"

#include <havklo/spsc_ring.hpp>

namespace havklo::bench {
namespace {

class Ring {
 public:
  explicit Ring(size_t capacity) : ring_(capacity) {}
  bool push(const Item& item) { return ring_.try_push(item); }
  bool pop(Item& item) { return ring_.try_pop(item); }
  size_t push_batch(uint64_t first, size_t count) {
    if (ring_.free_slots(count) < count) return 0;
    for (size_t i = 0; i < count; ++i) ring_.slot(i) = Item{first + i, {}};
    ring_.publish(count);
    return count;
  }
  size_t pop_batch(uint64_t& next, bool& right) {
    const auto ready = ring_.peek();
    for (const Item& item : ready) right = right && item.number == next++;
    ring_.release(ready.size());
    return ready.size();
  }

 private:
  SpscRing<Item> ring_;
};

const Registration one("ring_one_by_one", "havklo", HAVKLO_VERSION, ring_one_by_one<Ring>);
const Registration batched("ring_batched", "havklo", HAVKLO_VERSION, ring_batched<Ring>);
const Registration trip("ring_round_trip", "havklo", HAVKLO_VERSION, ring_round_trip<Ring>);

}  // namespace
}  // namespace havklo::bench
