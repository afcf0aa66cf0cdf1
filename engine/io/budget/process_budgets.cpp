// A list under a lock, and the two clocks of a file.
#include "io/budget/process_budgets.hpp"

#include <algorithm>
#include <functional>
#include <mutex>
#include <utility>

#include "io/budget/shared_places.hpp"

namespace havklo::io {
namespace {

struct Entry {
  BudgetKey key;
  ReconnectSettings settings;
  std::shared_ptr<const BudgetMemory> memory;
  // Besides the list's own hold on the memory each engine has one.
  [[nodiscard]] bool in_use() const { return memory.use_count() > 1; }
};

bool is_same(const ReconnectSettings& one, const ReconnectSettings& other) {
  return one.connect_budget == other.connect_budget &&
         one.connect_budget_window == other.connect_budget_window &&
         one.budget_file == other.budget_file;
}

// What began before holds under other numbers and in another place, too: the last attempts, as many
// as there are slots. A file may know of them already, and is in use by others.
void carry_over(const BudgetMemory& from, const BudgetMemory& to) {
  const Duration shift = to.offset() - from.offset();
  std::vector<int64_t> times = SharedPlaces::copy_of(from.slots());
  std::ranges::sort(times, std::greater<>());
  const SharedPlaces places(to.slots(), {}, 0);
  uint32_t same = 0;
  for (size_t i = 0; i < times.size() && times[i] != SharedPlaces::never_ns; ++i) {
    same = i != 0 && times[i] == times[i - 1] ? same + 1 : 1;
    places.add(times[i] + shift.ns, same);
  }
}

}  // namespace

Instant SharedBudget::free_from(Instant earliest, uint32_t spare, Instant now) {
  if (!memory_->is_whole()) return earliest;
  const Duration offset = memory_->offset();
  const SharedPlaces places(memory_->slots(), scratch_, window_.ns);
  const int64_t free_ns = places.free_from((earliest + offset).ns, spare, (now + offset).ns);
  return Instant{free_ns} - offset;
}

Instant SharedBudget::begin(uint32_t spare, Instant now) {
  if (!memory_->is_whole()) return now;
  const Duration offset = memory_->offset();
  const SharedPlaces places(memory_->slots(), scratch_, window_.ns);
  return Instant{places.begin(spare, (now + offset).ns)} - offset;
}

struct ProcessBudgets::State {
  std::mutex mutex;
  std::vector<Entry> entries;

  // Nothing of it matters any more to anybody who starts now.
  static bool is_over(const Entry& entry, Instant now) {
    if (entry.in_use()) return false;
    if (!entry.memory->is_whole()) return true;
    const int64_t limit_ns =
        (now + entry.memory->offset() - entry.settings.connect_budget_window).ns;
    return std::ranges::all_of(SharedPlaces::copy_of(entry.memory->slots()),
                               [limit_ns](int64_t at_ns) { return at_ns <= limit_ns; });
  }

  [[nodiscard]] Attached attach(const BudgetKey& key, const ReconnectSettings& reconnect,
                                const Boot& boot) {
    const std::scoped_lock lock(mutex);
    std::erase_if(entries, [&](const Entry& entry) { return is_over(entry, boot.now); });
    const auto found = std::ranges::find(entries, key, &Entry::key);
    if (found != entries.end() && found->in_use()) {
      const std::string as = "in another engine of this process that connects to " + key.text();
      auto differs = differing_budget(reconnect, found->settings, as);
      if (differs) return std::unexpected(std::move(*differs));
    } else if (const auto& path = reconnect.budget_file;
               found == entries.end() || path || !is_same(found->settings, reconnect)) {
      // A file anew in any case: it may be another by now.
      auto made = path ? BudgetMemory::of_file(*path, reconnect.budget(), key.text(), boot)
                       : BudgetMemory::of_process(reconnect.budget());
      if (!made) return std::unexpected(std::move(made.error()));
      Entry entry{key, reconnect, std::move(*made)};
      if (found != entries.end()) {
        carry_over(*found->memory, *entry.memory);
        *found = std::move(entry);  // without memory the old one stays
      } else {
        entries.push_back(std::move(entry));
      }
    }
    const auto entry = std::ranges::find(entries, key, &Entry::key);
    return std::make_unique<SharedBudget>(entry->memory, entry->settings.connect_budget_window);
  }
};

ProcessBudgets& ProcessBudgets::instance() {
  static ProcessBudgets budgets;
  return budgets;
}

ProcessBudgets::ProcessBudgets() : state_(std::make_unique<State>()) {}
ProcessBudgets::~ProcessBudgets() = default;

ProcessBudgets::Attached ProcessBudgets::attach(const BudgetKey& key,
                                                const ReconnectSettings& reconnect,
                                                const Boot& boot) {
  return state_->attach(key, reconnect, boot);
}

}  // namespace havklo::io
