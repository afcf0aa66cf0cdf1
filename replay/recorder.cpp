// Fills blocks and hands them on; what is in flight is left alone until the writer gives it back.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <havklo/assert.hpp>
#include <havklo/recording.hpp>
#include <memory>
#include <vector>

#include "replay/event_digest.hpp"
#include "replay/format.hpp"
#include "replay/settings_toml.hpp"

namespace havklo {
namespace {

using replay::BlockHeader;
using replay::BlockKind;
using replay::EntryTag;

constexpr size_t block_count = 8;
constexpr size_t block_bytes = 256 * 1024;
constexpr size_t block_payload_max = block_bytes - BlockHeader::bytes;

// The longest entry but for what was received.
constexpr size_t entry_bytes_max = 64;

// A block is handed on when it is full, or this long after its first entry: a kill loses no more.
constexpr Duration block_age_max = Duration::milliseconds(500);

// How long finish() waits for the disk.
constexpr int finish_polls_max = 2000;

struct Block {
  std::unique_ptr<std::byte[]> bytes = std::make_unique<std::byte[]>(block_bytes);
  uint32_t used = 0;  // of the payload
  uint32_t crc = 0;   // of the payload so far
  uint32_t crc_until = 0;
  bool in_flight = false;
  uint32_t size_in_flight = 0;

  [[nodiscard]] std::byte* payload() { return bytes.get() + BlockHeader::bytes; }
  [[nodiscard]] size_t room() const { return block_payload_max - used; }
};

}  // namespace

struct Recorder::State {
  State(int opened, BlockWriter& given) : file(opened), writer(given) {}
  ~State() { ::close(file); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void begin(EntryTag tag, size_t bytes);
  void byte(uint8_t value) { current->payload()[current->used++] = std::byte{value}; }
  void varint(uint64_t value) {
    current->used +=
        static_cast<uint32_t>(replay::put_varint(current->payload() + current->used, value));
  }
  void raw(const void* data, size_t bytes) {
    std::memcpy(current->payload() + current->used, data, bytes);
    current->used += static_cast<uint32_t>(bytes);
  }
  void received(uint64_t connection, std::span<const std::byte> bytes);
  void lifecycle_event(uint32_t index, const Event& event);
  void add_to_crc();
  void hand_on(BlockKind kind);
  void take_back();
  [[nodiscard]] bool is_recording() const { return state == RecorderState::recording; }

  int file;
  BlockWriter& writer;
  RecorderState state = RecorderState::recording;
  int32_t error = 0;
  std::array<Block, block_count> blocks;
  Block* current = &blocks[0];
  uint32_t next_number = 0;
  uint64_t file_bytes = 0;
  uint64_t turns = 0;
  uint64_t events = 0;
  replay::EventDigest digest;
  Instant last_now;
  Instant block_began;
  bool block_has_turn = false;
};

std::expected<std::unique_ptr<Recorder>, std::string> Recorder::create(const std::string& path,
                                                                       const Settings& settings,
                                                                       uint64_t seed,
                                                                       Duration utc_offset,
                                                                       BlockWriter& writer) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const auto cannot = [&path] {
    return std::unexpected("cannot record to '" + path + "': " + std::strerror(errno));
  };
  if (file < 0) return cannot();
  auto state = std::make_unique<State>(file, writer);
  const std::string header =
      fmt::format("format {}\nbuild {}\nseed {:#x}\nutc_offset_ns {}\n\n", replay::format_version,
                  HAVKLO_VERSION, seed, utc_offset.ns) +
      replay::settings_to_toml(settings);
  BlockHeader block{.kind = BlockKind::header,
                    .payload_bytes = static_cast<uint32_t>(header.size()),
                    .number = state->next_number++,
                    .digest = state->digest.value(),
                    .payload_crc = replay::crc32c(0, std::as_bytes(std::span(header)))};
  const auto head = replay::encode(block);
  const bool written =
      ::pwrite(file, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size()) &&
      ::pwrite(file, header.data(), header.size(), head.size()) ==
          static_cast<ssize_t>(header.size());
  if (!written) return cannot();
  state->file_bytes = head.size() + header.size();
  return std::unique_ptr<Recorder>(new Recorder(std::move(state)));
}

Recorder::Recorder(std::unique_ptr<State> state) : state_(std::move(state)) {}

Recorder::~Recorder() { finish(); }

RecorderState Recorder::state() const { return state_->state; }
int32_t Recorder::disk_error() const { return state_->error; }
uint64_t Recorder::turns() const { return state_->turns; }
uint64_t Recorder::events() const { return state_->events; }

// Makes room for an entry of at most entry_bytes_max and `bytes`, and begins it.
void Recorder::State::begin(EntryTag tag, size_t bytes) {
  if (current->room() < entry_bytes_max + bytes) hand_on(BlockKind::turns);
  if (is_recording()) byte(static_cast<uint8_t>(tag));
}

void Recorder::on_command(const Command& command) {
  State& state = *state_;
  if (!state.is_recording()) return;
  state.begin(EntryTag::command, 0);
  if (!state.is_recording()) return;
  state.byte(static_cast<uint8_t>(command.kind));
  state.byte(static_cast<uint8_t>(command.channel));
  state.varint(command.session);
  state.varint(command.depth);
  state.byte(command.symbol_bytes);
  state.raw(command.symbol_text.data(), command.symbol_bytes);
}

void Recorder::on_completion(const Completion& completion) {
  State& state = *state_;
  if (!state.is_recording()) return;
  const auto connection = static_cast<uint64_t>(completion.connection);
  switch (completion.kind) {
    case Completion::Kind::received:
      return state.received(connection, completion.bytes);
    case Completion::Kind::opened:
      state.begin(EntryTag::opened, 0);
      if (!state.is_recording()) return;
      state.varint(connection);
      state.byte(completion.tls_resumed ? 1 : 0);
      state.byte(completion.peer.family);
      state.raw(completion.peer.address.data(), completion.peer.address.size());
      return state.varint(completion.peer.port);
    case Completion::Kind::sent:
      state.begin(EntryTag::sent, 0);
      if (!state.is_recording()) return;
      state.varint(connection);
      return state.varint(completion.sent_bytes);
    case Completion::Kind::closed:
      state.begin(EntryTag::closed, 0);
      if (!state.is_recording()) return;
      state.varint(connection);
      state.byte(static_cast<uint8_t>(completion.reason));
      return state.varint(replay::zigzag(completion.os_error));
  }
}

// A read that does not fit is cut in parts; the reader joins them again.
void Recorder::State::received(uint64_t connection, std::span<const std::byte> bytes) {
  for (;;) {
    if (current->room() < 2 * entry_bytes_max) hand_on(BlockKind::turns);
    if (!is_recording()) return;
    const size_t part = std::min(bytes.size(), current->room() - entry_bytes_max);
    const bool is_last = part == bytes.size();
    byte(static_cast<uint8_t>(is_last ? EntryTag::received : EntryTag::received_part));
    varint(connection);
    varint(part);
    raw(bytes.data(), part);
    if (is_last) return;
    bytes = bytes.subspan(part);
  }
}

// Kept whole, so that a replay which goes another way can show what was expected.
void Recorder::State::lifecycle_event(uint32_t index, const Event& event) {
  if (!is_recording()) return;
  begin(EntryTag::event, sizeof event);
  if (!is_recording()) return;
  varint(index);
  raw(static_cast<const void*>(&event), sizeof event);
}

void Recorder::end_turn(const TurnEnd& turn) {
  State& state = *state_;
  if (!state.is_recording()) return;
  if (turn.utc_offset) {
    state.begin(EntryTag::utc_offset, 0);
    if (!state.is_recording()) return;
    state.varint(replay::zigzag(turn.utc_offset->ns));
  }
  for (uint32_t i = 0; i < turn.event_count; ++i) {
    if (!is_market(turn.events[i].kind)) state.lifecycle_event(i, turn.events[i]);
  }
  if (!state.is_recording()) return;
  state.begin(EntryTag::turn_end, 0);
  if (!state.is_recording()) return;
  for (uint32_t i = 0; i < turn.event_count; ++i) state.digest.add(turn.events[i]);
  state.varint(replay::zigzag((turn.now - state.last_now).ns));
  state.varint(turn.room);
  state.varint(turn.event_count);
  if (turn.event_count != 0) {
    const auto low = static_cast<uint32_t>(state.digest.value());
    state.raw(&low, sizeof low);
  }
  state.last_now = turn.now;
  ++state.turns;
  state.events += turn.event_count;
  state.add_to_crc();
  if (!state.block_has_turn) {
    state.block_has_turn = true;
    state.block_began = turn.now;
  }
  if (turn.now - state.block_began >= block_age_max) state.hand_on(BlockKind::turns);
}

// As it grows, so that handing a block on costs no more than its header.
void Recorder::State::add_to_crc() {
  Block& block = *current;
  block.crc =
      replay::crc32c(block.crc, {block.payload() + block.crc_until, block.used - block.crc_until});
  block.crc_until = block.used;
}

void Recorder::State::hand_on(BlockKind kind) {
  add_to_crc();
  Block& block = *current;
  const auto header = replay::encode({.kind = kind,
                                      .payload_bytes = block.used,
                                      .number = next_number++,
                                      .turns = turns,
                                      .events = events,
                                      .digest = digest.value(),
                                      .payload_crc = block.crc});
  std::memcpy(block.bytes.get(), header.data(), header.size());
  block.size_in_flight = static_cast<uint32_t>(header.size()) + block.used;
  block.in_flight = true;
  writer.write_file(file, file_bytes, {block.bytes.get(), block.size_in_flight},
                    static_cast<uint32_t>(&block - blocks.data()));
  file_bytes += block.size_in_flight;
  take_back();
  if (!is_recording() || kind == BlockKind::closing) return;
  const auto free = std::ranges::find(blocks, false, &Block::in_flight);
  if (free == blocks.end()) {
    state = RecorderState::stopped_slow_disk;
    return;
  }
  current = &*free;
  current->used = 0;
  current->crc = 0;
  current->crc_until = 0;
  block_has_turn = false;
}

void Recorder::State::take_back() {
  while (const auto written = writer.take_written()) {
    Block& block = blocks[written->token];
    block.in_flight = false;
    if (written->result == static_cast<int32_t>(block.size_in_flight) || error != 0) continue;
    // A short write is a full disk; the reader stops before what is not whole.
    error = written->result < 0 ? -written->result : ENOSPC;
    state = RecorderState::stopped_disk_error;
  }
}

void Recorder::finish() {
  State& state = *state_;
  if (state.state == RecorderState::finished) return;
  if (state.is_recording()) {
    if (state.current->used != 0) state.hand_on(BlockKind::turns);
    if (state.is_recording()) state.hand_on(BlockKind::closing);
  }
  const auto busy = [&state] {
    return std::ranges::any_of(state.blocks, [](const Block& block) { return block.in_flight; });
  };
  for (int i = 0; i < finish_polls_max && busy(); ++i) {
    state.writer.wait_written();
    state.take_back();
  }
  if (state.is_recording()) state.state = RecorderState::finished;
}

}  // namespace havklo
