// boost::lockfree::spsc_queue.
#include <array>
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/version.hpp>

#include "bench/questions/rings.hpp"

namespace havklo::bench {
namespace {

class Boost {
 public:
  explicit Boost(size_t capacity) : queue_(capacity) {}
  bool push(const Item& item) { return queue_.push(item); }
  bool pop(Item& item) { return queue_.pop(item); }
  size_t push_batch(uint64_t first, size_t count) {
    for (size_t i = 0; i < count; ++i) out_[i].sequence = first + i;
    return queue_.push(out_.data(), count);
  }
  size_t pop_batch(uint64_t& next, bool& right) {
    // In locals, as ours does (bench/contenders/rings.cpp): what is read could be `next`.
    uint64_t expected = next;
    bool all_right = right;
    const size_t read = queue_.consume_all(
        [&expected, &all_right](const Item& item) { all_right &= item.sequence == expected++; });
    next = expected;
    right = all_right;
    return read;
  }

 private:
  boost::lockfree::spsc_queue<Item> queue_;
  std::array<Item, ring_batch> out_{};
};

const std::string name = "boost::lockfree::spsc_queue";
const Registration one("ring_one_by_one", name, BOOST_LIB_VERSION, ring_one_by_one<Boost>);
const Registration batched("ring_batched", name, BOOST_LIB_VERSION, ring_batched<Boost>);
const Registration trip("ring_round_trip", name, BOOST_LIB_VERSION, ring_round_trip<Boost>);

}  // namespace
}  // namespace havklo::bench
