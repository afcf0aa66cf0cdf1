// Runs a recording through the engine again: the same core, its doors fed from the file.
//
// Owns:    the engine and its doors.
// Threads: one.
// Checks:  the digest of each turn's events against the recorded one, so the first turn that
//          differs is known; and the digest of each block.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <optional>
#include <string>
#include <vector>

#include "replay/reader.hpp"

namespace havklo::replay {

// The first turn that went otherwise than recorded.
struct Difference {
  uint64_t turn = 0;
  Instant now;
  uint32_t recorded_events = 0;
  uint32_t recorded_digest = 0;
  uint32_t replayed_digest = 0;
  std::vector<std::string> inputs;  // of that turn, in words
  std::vector<Event> events;        // as replayed
};

struct PlayResult {
  uint64_t turns = 0;
  uint64_t events = 0;
  std::optional<Difference> difference;
  std::string torn;  // what is missing at the end of the file; "" if nothing is
  [[nodiscard]] bool identical() const { return !difference; }
};

class Player {
 public:
  explicit Player(Reader reader);
  ~Player();

  // Called for every event before the next turn runs; `names` knows the ids in it.
  using OnEvent = std::function<void(const Event& event, const Names& names)>;
  // Called before each turn with its recorded instant: a player that keeps real time sleeps here.
  using OnTurn = std::function<void(Instant now)>;

  // To the end, or to the first difference.
  [[nodiscard]] PlayResult run(const OnEvent& on_event = {}, const OnTurn& on_turn = {});
  [[nodiscard]] const Names& names() const;
  [[nodiscard]] const RecordingHeader& header() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace havklo::replay
