// Sessions against the venue model in virtual time, recorded to a file, and files made of others.
#pragma once

#include <cstring>
#include <fstream>
#include <functional>
#include <havklo/recording.hpp>
#include <string>
#include <utility>
#include <vector>

#include "replay/recording/format.hpp"
#include "support/engine_world.hpp"
#include "support/sync_block_writer.hpp"
#include "support/temporary_file.hpp"
#include "support/venue_world.hpp"

namespace havklo {

// Runs `settings` for `time`, closes, and returns the events; the recording is whole.
inline std::vector<Event> record_session(const std::string& path, VenueWorldSettings settings,
                                         Duration time) {
  SyncBlockWriter writer;
  auto recorder =
      Recorder::create(path, settings.engine, settings.seed, Duration{}, writer).value();
  settings.journal = recorder.get();
  VenueWorld world(std::move(settings));
  world.run(time);
  EXPECT_TRUE(world.commands.try_push(make_command(Command::Kind::close)));
  world.run(Duration::seconds(2));
  recorder->finish();
  return world.events;
}

// Calls `change(header, payload)` for each block and puts the checksums right again.
inline std::string with_blocks_changed(
    std::string bytes, const std::function<void(replay::BlockHeader&, std::span<char>)>& change) {
  for (size_t at = 0; at + replay::BlockHeader::bytes <= bytes.size();) {
    replay::BlockHeaderBytes raw{};
    std::memcpy(raw.data(), bytes.data() + at, raw.size());
    replay::BlockHeader header = replay::decode_block_header(raw).value();
    const std::span<char> payload(bytes.data() + at + raw.size(), header.payload_bytes);
    change(header, payload);
    header.payload_crc = replay::crc32c(0, std::as_bytes(payload));
    raw = replay::encode(header);
    std::memcpy(bytes.data() + at, raw.data(), raw.size());
    at += raw.size() + payload.size();
  }
  return bytes;
}

// The same turns under a header with other settings.
inline std::string with_settings(const std::string& bytes, const Settings& settings,
                                 uint64_t seed) {
  SyncBlockWriter writer;
  const TemporaryFile other;
  { auto made = Recorder::create(other.path(), settings, seed, Duration{}, writer).value(); }
  const auto header_bytes = [](const std::string& all) {
    uint32_t payload = 0;
    std::memcpy(&payload, all.data() + 8, sizeof payload);
    return replay::BlockHeader::bytes + payload;
  };
  const std::string head = other.content();
  return head.substr(0, header_bytes(head)) + bytes.substr(header_bytes(bytes));
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace havklo
