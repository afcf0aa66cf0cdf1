// What entered a turn, as entries of blocks; RecordingFiles brings the blocks to the disk.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <havklo/assert.hpp>
#include <havklo/limits.hpp>
#include <havklo/prefetch.hpp>
#include <havklo/recording.hpp>
#include <memory>
#include <utility>

#include "replay/recording/event_digest.hpp"
#include "replay/recording/files.hpp"
#include "replay/recording/format.hpp"
#include "replay/recording/header.hpp"
#include "replay/recording/redaction/redactor.hpp"

namespace havklo {
namespace {

using replay::EntryTag;
using replay::OpenBlock;
using replay::Progress;
using replay::RecordingFiles;
using replay::ShortReceived;
using replay::ShortTurnEnd;

// The longest entry but for what was received.
constexpr size_t entry_bytes_max = 96;

constexpr uint32_t recent_bytes = 512;
constexpr uint32_t fetch_ahead_bytes = 2048;
constexpr uint32_t line_bytes = 64;

// A block is handed on when it is full, or this long after its first entry: a kill loses no more.
constexpr Duration block_age_max = Duration::milliseconds(500);

// Bit k: kind k is a market event.
constexpr uint64_t market_kinds = [] {
  uint64_t kinds = 0;
  for (uint32_t kind = 0; kind <= event_kind_last; ++kind) {
    if (is_market(static_cast<EventKind>(kind))) kinds |= uint64_t{1} << kind;
  }
  return kinds;
}();
static_assert(event_kind_last < 64);

// Both sides have receive_padding behind them, so whole pieces are copied.
void copy_padded(std::byte* to, std::span<const std::byte> from) {
  constexpr size_t piece_bytes = 32;
  static_assert(piece_bytes <= receive_padding);
  for (size_t at = 0; at < from.size(); at += piece_bytes) {
    std::memcpy(to + at, from.data() + at, piece_bytes);
  }
}

}  // namespace

struct Recorder::State {
  State(std::unique_ptr<RecordingFiles> opened, std::span<const Settings> sessions)
      : files(std::move(opened)), redactor(sessions) {}

  // Where an entry is written: `done` makes what lies before `at` part of the block.
  struct Entry {
    std::byte* at;
    void byte(uint8_t value) { *at++ = std::byte{value}; }
    void tag(EntryTag value) { byte(static_cast<uint8_t>(value)); }
    void varint(uint64_t value) { at += replay::put_varint(at, value); }
    void signed_varint(int64_t value) { varint(replay::zigzag(value)); }
    void raw(const void* data, size_t bytes) {
      std::memcpy(at, data, bytes);
      at += bytes;
    }
  };
  // Makes room for an entry of at most entry_bytes_max; nothing when recording has stopped.
  [[nodiscard]] bool make_room();
  [[nodiscard]] Entry begin() {
    OpenBlock& block = files->current();
    return {block.payload + block.used};
  }
  void done(const Entry& entry) {
    OpenBlock& block = files->current();
    block.used = static_cast<uint32_t>(entry.at - block.payload);
  }
  void received(ConnectionId connection, std::span<const std::byte> bytes);
  [[gnu::cold]] void received_in_parts(ConnectionId connection, std::span<const std::byte> bytes);
  [[gnu::cold]] void arrived(const Completion& completion);
  [[gnu::cold]] void lifecycle_events(const TurnEnd& turn);
  void turn_end(const TurnEnd& turn);
  void add_to_crc(uint32_t until);
  // But for what was written last: it is still on its way into the cache.
  void add_full_chunks_to_crc() {
    const uint32_t waiting = files->current().used - crc_until;
    if (waiting >= replay::crc32c_chunk_bytes + recent_bytes) {
      const uint32_t settled = waiting - recent_bytes;
      add_to_crc(crc_until + settled - settled % replay::crc32c_chunk_bytes);
    }
  }
  void fetch_ahead();
  [[gnu::cold]] void hand_on();
  void look_for_fault();

  std::unique_ptr<RecordingFiles> files;
  replay::Redactor redactor;
  RecorderState state = RecorderState::recording;
  bool fault_told = false;
  bool finish_called = false;
  uint32_t crc = 0;  // of the current block, up to crc_until
  uint32_t crc_until = 0;
  uint32_t fetched_until = 0;  // of the current block
  Progress progress;
  replay::EventDigest digest;  // of all turns; `progress` has it only of those that are written
  Instant hand_on_at = Instant::never();
};

std::expected<std::unique_ptr<Recorder>, std::string> Recorder::create(
    const std::string& path, std::span<const Settings> sessions, uint64_t seed, Duration utc_offset,
    BlockWriter& writer) {
  HAVKLO_ASSERT(!sessions.empty() && sessions.size() <= sessions_max);
  auto files = RecordingFiles::open(path, sessions[0].recording,
                                    replay::header_text(sessions, seed, utc_offset), writer);
  if (!files) return std::unexpected(files.error());
  auto state = std::make_unique<State>(std::move(*files), sessions);
  state->progress.digest = state->digest.value();
  return std::unique_ptr<Recorder>(new Recorder(std::move(state)));
}

Recorder::Recorder(std::unique_ptr<State> state) : state_(std::move(state)) { plan_look(); }

Recorder::~Recorder() { finish(); }

RecorderState Recorder::state() const { return state_->state; }
uint64_t Recorder::turns() const { return state_->progress.turns; }
uint64_t Recorder::events() const { return state_->progress.events; }

int32_t Recorder::disk_error() const {
  return state_->files->fault() ? state_->files->fault()->os_error : 0;
}

std::expected<void, std::string> Recorder::outcome() const {
  switch (state_->state) {
    case RecorderState::finished:
      return {};
    case RecorderState::recording:
      return std::unexpected("the recording goes on");
    case RecorderState::stopped_slow_disk:
      return std::unexpected("the recording stopped early: the disk is too slow");
    case RecorderState::stopped_disk_error:
      if (disk_error() == ENOENT) {
        return std::unexpected(
            "the recording is lost: its file was removed or cut short meanwhile, or its folder was "
            "removed");
      }
      if (disk_error() == EAGAIN) {
        return std::unexpected(
            "the recording stopped early: the kernel can start no thread that writes; raise the "
            "limit of processes (ulimit -u, or pids of the container)");
      }
      return std::unexpected(
          fmt::format("the recording stopped early: {}", std::strerror(disk_error())));
  }
  return {};
}

Instant Recorder::next_deadline() const {
  // A disk that does not keep up ends the wait by itself: what it has done wakes the loop.
  const bool waits = state_->state == RecorderState::recording && state_->files->keeps_up();
  return waits ? state_->hand_on_at : Instant::never();
}

std::optional<JournalFault> Recorder::look(Instant now) {
  State& state = *state_;
  if (state.fault_told) return std::nullopt;
  if (state.state == RecorderState::recording) {
    state.files->poll(now);
    if (now >= state.hand_on_at && state.files->keeps_up()) state.hand_on();
    state.look_for_fault();
  }
  plan_look();
  if (state.state == RecorderState::recording) return std::nullopt;
  state.fault_told = true;
  return state.files->fault();
}

// In every turn as long as the disk has something to say or the block is empty, so that the files
// know the time to half a second; else when the block is due.
void Recorder::plan_look() {
  const State& state = *state_;
  const bool rests = state.state == RecorderState::recording && !state.files->waits_for_disk() &&
                     state.hand_on_at != Instant::never();
  looks_at_ = rests ? state.hand_on_at : Instant{};
}

void Recorder::State::look_for_fault() {
  if (state != RecorderState::recording || !files->fault()) return;
  state = files->fault()->fault == RecordingFault::slow_disk ? RecorderState::stopped_slow_disk
                                                             : RecorderState::stopped_disk_error;
}

bool Recorder::State::make_room() {
  if (files->room() < entry_bytes_max) hand_on();
  return state == RecorderState::recording;
}

void Recorder::on_command(const Command& command) {
  State& state = *state_;
  if (state.state != RecorderState::recording || !state.make_room()) return;
  if (command.kind == Command::Kind::subscribe) state.redactor.on_subscribe(command.symbol());
  auto entry = state.begin();
  entry.tag(EntryTag::command);
  entry.byte(static_cast<uint8_t>(command.kind));
  entry.byte(static_cast<uint8_t>(command.channel));
  entry.varint(command.session);
  entry.varint(command.depth);
  entry.byte(command.symbol_bytes);
  entry.raw(command.symbol_text.data(), command.symbol_bytes);
  state.done(entry);
}

void Recorder::on_completion(const Completion& completion) {
  State& state = *state_;
  if (state.state != RecorderState::recording) return;
  if (completion.kind == Completion::Kind::received) {
    state.received(completion.connection, completion.bytes);
    if (completion.kernel_time_ns != 0 || completion.hardware_time_ns != 0) {
      state.arrived(completion);
    }
    return;
  }
  if (!state.make_room()) return;
  const auto connection = static_cast<uint32_t>(completion.connection);
  auto entry = state.begin();
  switch (completion.kind) {
    case Completion::Kind::received:
      return;
    case Completion::Kind::opened:
      state.redactor.on_opened(completion.connection);
      entry.tag(EntryTag::opened);
      entry.varint(connection);
      entry.byte(completion.tls_resumed ? 1 : 0);
      entry.byte(completion.peer.family);
      entry.raw(completion.peer.address.data(), completion.peer.address.size());
      entry.varint(completion.peer.port);
      break;
    case Completion::Kind::sent:
      entry.tag(EntryTag::sent);
      entry.varint(connection);
      entry.varint(completion.sent_bytes);
      break;
    case Completion::Kind::closed:
      if (completion.certificate == CertificateFault::none) {
        entry.tag(EntryTag::closed);
        entry.varint(connection);
      } else {
        entry.tag(EntryTag::closed_for_certificate);
        entry.varint(connection);
        entry.byte(static_cast<uint8_t>(completion.certificate));
      }
      entry.byte(static_cast<uint8_t>(completion.reason));
      entry.signed_varint(completion.os_error);
      break;
  }
  state.done(entry);
}

void Recorder::on_budget_answer(uint32_t ask, Duration wait) {
  State& state = *state_;
  if (state.state != RecorderState::recording || !state.make_room()) return;
  auto entry = state.begin();
  entry.tag(EntryTag::budget_answer);
  entry.varint(ask);
  entry.varint(static_cast<uint64_t>(wait.ns));
  state.done(entry);
}

std::span<std::byte> Recorder::receive_room(ConnectionId id, size_t bytes) {
  State& state = *state_;
  const size_t needed = bytes + receive_padding + ShortReceived::bytes + entry_bytes_max;
  if (state.state != RecorderState::recording || state.redactor.watches(id)) return {};
  if (state.files->room() < needed) {
    if (needed > RecordingFiles::block_bytes / 2) return {};
    state.hand_on();
    if (state.state != RecorderState::recording) return {};
  }
  return {state.files->current().payload + state.files->current().used + ShortReceived::bytes,
          bytes};
}

void Recorder::State::received(ConnectionId connection, std::span<const std::byte> bytes) {
  const size_t needed = ShortReceived::bytes + bytes.size() + receive_padding + entry_bytes_max;
  OpenBlock& block = files->current();
  std::byte* const copy = block.payload + block.used + ShortReceived::bytes;
  if (bytes.data() != copy) {
    if (files->room() < needed) return received_in_parts(connection, bytes);
    copy_padded(copy, bytes);
    redactor.mask(connection, {copy, bytes.size()});
  }
  ShortReceived::put(copy - ShortReceived::bytes, static_cast<uint32_t>(connection), bytes.size());
  block.used += static_cast<uint32_t>(ShortReceived::bytes + bytes.size());
}

// Behind the read, for that lies in the block already when it is told.
void Recorder::State::arrived(const Completion& completion) {
  if (!make_room()) return;
  auto entry = begin();
  entry.tag(EntryTag::arrived);
  entry.signed_varint(completion.kernel_time_ns);
  entry.signed_varint(completion.hardware_time_ns);
  done(entry);
}

// A read that does not fit is cut; the reader joins the parts again.
void Recorder::State::received_in_parts(ConnectionId connection, std::span<const std::byte> bytes) {
  for (;;) {
    if (!make_room()) return;
    const size_t part = std::min(bytes.size(), files->room() - entry_bytes_max / 2);
    const bool is_last = part == bytes.size();
    auto entry = begin();
    entry.tag(is_last ? EntryTag::received : EntryTag::received_part);
    entry.varint(static_cast<uint32_t>(connection));
    entry.varint(part);
    std::byte* const copy = entry.at;
    entry.raw(bytes.data(), part);
    done(entry);
    redactor.mask(connection, {copy, part});
    if (is_last) return;
    bytes = bytes.subspan(part);
    hand_on();
    if (state != RecorderState::recording) return;
  }
}

// Kept whole, so that a replay which goes another way can show what was expected.
void Recorder::State::lifecycle_events(const TurnEnd& turn) {
  for (uint32_t i = 0; i < turn.events.size(); ++i) {
    const Event& event = turn.events[i];
    if (is_market(event.kind)) continue;
    if (state != RecorderState::recording || !make_room()) return;
    auto entry = begin();
    entry.tag(EntryTag::event);
    entry.varint(i);
    entry.raw(static_cast<const void*>(&event), sizeof event);
    done(entry);
  }
}

void Recorder::end_turn(const TurnEnd& turn) {
  State& state = *state_;
  uint64_t kinds = 0;
  for (const Event& event : turn.events) {
    state.digest.add(event);
    kinds |= uint64_t{1} << static_cast<uint32_t>(event.kind);
  }
  if ((kinds & ~market_kinds) != 0) state.lifecycle_events(turn);
  if (state.state != RecorderState::recording || !state.make_room()) return plan_look();
  state.turn_end(turn);
  if (!state.redactor.looks_back()) state.add_full_chunks_to_crc();
  state.fetch_ahead();
  const bool first = state.hand_on_at == Instant::never();
  if (first) state.hand_on_at = turn.now + block_age_max;
  const bool next_file = state.files->next_file_due(turn.now);
  const bool due = next_file || (turn.now >= state.hand_on_at && state.files->keeps_up());
  if (due) state.hand_on();
  if (next_file) state.files->go_over();
  if (first || due) plan_look();
}

void Recorder::State::turn_end(const TurnEnd& turn) {
  if (turn.utc_offset) {
    auto entry = begin();
    entry.tag(EntryTag::utc_offset);
    entry.signed_varint(turn.utc_offset->ns);
    done(entry);
  }
  const int64_t since_last_ns = (turn.now - progress.time).ns;
  progress.time = turn.now;
  ++progress.turns;
  const auto event_count = static_cast<uint32_t>(turn.events.size());
  uint32_t digest_low = 0;
  if (event_count != 0) {
    progress.events += event_count;
    progress.sequence = turn.events.back().sequence;
    progress.digest = digest.value();
    digest_low = static_cast<uint32_t>(progress.digest);
  }
  OpenBlock& block = files->current();
  if (ShortTurnEnd::fits(since_last_ns, turn.room)) {
    ShortTurnEnd::put(block.payload + block.used, since_last_ns, turn.room, event_count,
                      digest_low);
    block.used += ShortTurnEnd::bytes;
    return;
  }
  auto entry = begin();
  entry.tag(EntryTag::turn_end);
  entry.signed_varint(since_last_ns);
  entry.varint(turn.room);
  entry.varint(event_count);
  if (event_count != 0) entry.raw(&digest_low, sizeof digest_low);
  done(entry);
}

// The disk's side has read the block's memory since it was last written.
void Recorder::State::fetch_ahead() {
  const OpenBlock& block = files->current();
  const uint32_t until = std::min(block.used + fetch_ahead_bytes, block.capacity);
  fetched_until = std::max(fetched_until, block.used);
  for (; fetched_until < until; fetched_until += line_bytes) {
    prefetch_for_write(block.payload + fetched_until);
  }
}

// As it grows, so that handing a block on costs no more than its header.
void Recorder::State::add_to_crc(uint32_t until) {
  if (until <= crc_until) return;
  crc = replay::crc32c(crc, {files->current().payload + crc_until, until - crc_until});
  crc_until = until;
}

void Recorder::State::hand_on() {
  files->pad();
  add_to_crc(files->current().used);
  files->hand_on(progress, crc);
  crc = 0;
  crc_until = 0;
  fetched_until = 0;
  hand_on_at = Instant::never();
  redactor.forget();
  look_for_fault();
}

std::expected<void, std::string> Recorder::keep() { return state_->files->keep(); }

void Recorder::discard() { state_->finish_called = true; }

void Recorder::finish() {
  State& state = *state_;
  if (std::exchange(state.finish_called, true)) return;
  if (state.state == RecorderState::recording && state.files->current().used != 0) state.hand_on();
  state.files->finish();
  state.look_for_fault();
  if (state.state == RecorderState::recording) state.state = RecorderState::finished;
}

}  // namespace havklo
