// Runs a recording through the engine again: the same core, its doors fed from the file.
//
// Owns:    the engine and its doors.
// Threads: one.
// Checks:  the digest of each turn's events against the recorded one, so the first turn that
//          differs is known; and the whole digest at the end of each block.
// Cost:    the engine's own, and a look at the digest for each turn that published something.
#pragma once

#include <cstdint>
#include <functional>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <havklo/transport.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "replay/recording/reader.hpp"

namespace havklo::replay {

// The first turn, or the end of a block, that went otherwise than recorded.
struct Difference {
  uint64_t turn = 0;
  Instant now;
  bool at_block_end = false;  // every turn agreed in 32 bits, the block's 64 do not
  uint64_t recorded_digest = 0;
  uint64_t replayed_digest = 0;
  std::vector<std::string> inputs;  // of that turn, in words
  // So many were recorded. Lifecycle events were kept; of a market event only that there was one.
  uint32_t recorded_count = 0;
  std::vector<RecordedEvent> kept;  // in order
  std::vector<Event> replayed;
  // The one that was kept at that place; null: a market event, or none.
  [[nodiscard]] const Event* recorded(size_t index) const;
  // The first place at which the two certainly differ; nothing when only market events can.
  [[nodiscard]] std::optional<size_t> first() const;
};

struct PlayResult {
  uint64_t turns = 0;
  uint64_t events = 0;
  std::optional<Difference> difference;
  std::string torn;  // what is missing at the end of the file; "" if nothing is
  [[nodiscard]] bool identical() const { return !difference; }
};

// Told what the replayed engine asks of its network: what it sent is not in the file.
class RequestObserver {
 public:
  virtual void on_open(ConnectionId id, const OpenRequest& request) = 0;
  virtual void on_send(ConnectionId id, std::span<const std::byte> bytes) = 0;
  virtual void on_close(ConnectionId id) = 0;

 protected:
  ~RequestObserver() = default;
};

class Player {
 public:
  explicit Player(Reader reader);
  ~Player();
  Player(Player&&) noexcept;
  Player& operator=(Player&&) noexcept;

  void observe(RequestObserver* observer);

  enum class Status : uint8_t { turn, end, torn, differs };
  // Reads the next turn; `turn` only means that run_turn() has something to do. `differs`: the
  // block that ended before it.
  [[nodiscard]] Status read();
  // Runs the turn that was read: `turn` or `differs`. Its events stay until the next call.
  Status run_turn();
  // Both, for who need not look at a turn before it runs.
  Status step() {
    const Status status = read();
    return status == Status::turn ? run_turn() : status;
  }
  // To the end, or to the first difference.
  using OnEvent = std::function<void(const Event& event, const Names& names)>;
  [[nodiscard]] PlayResult run(const OnEvent& on_event = {});

  [[nodiscard]] const RecordedTurn& turn() const;
  [[nodiscard]] std::span<const Event> events() const;
  [[nodiscard]] const Names& names() const;
  // When the replayed engine's next timer is due; never() when none is armed.
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] const RecordingHeader& header() const;
  [[nodiscard]] const Reader& reader() const;
  // So far; with the difference and what is torn once step() has said so.
  [[nodiscard]] const PlayResult& result() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace havklo::replay
