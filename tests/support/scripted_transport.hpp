// A network that does only what the test says: it writes down what is asked of it and delivers what
// the test injects.
//
// Use: after a turn look at opens, sent and closed; then opened(id), upgrade(id), text(id, "…"),
// closed(id, reason); the next turn delivers them in that order. The server's side of the
// WebSocket is the codec in its server role, one for each connection.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <havklo/limits.hpp>
#include <havklo/transport.hpp>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "websocket/connection.hpp"

namespace havklo {

class ScriptedTransport final : public Transport {
 public:
  // Of a message that a client sends; less costs less for each connection.
  explicit ScriptedTransport(uint32_t message_bytes = message_bytes_max)
      : message_bytes_(message_bytes) {}

  struct Opened {
    ConnectionId id{};
    std::string host;
    uint16_t port = 0;
    bool tls = false;
    Duration timeout;
  };

  // What the engine asked for, in order.
  std::vector<Opened> opens;
  std::vector<ConnectionId> closes;
  std::vector<ConnectionId> greetings;  // of which it was told
  uint32_t flushes = 0;

  void open(ConnectionId id, const OpenRequest& request) override {
    opens.push_back({id, std::string(request.host), request.port, request.tls, request.timeout});
    Peer& peer = peers_[id];
    peer.codec = std::make_unique<websocket::Connection>(
        websocket::Role::server, message_bytes_, std::min(message_bytes_, send_buffer_bytes));
    peer.codec->start_server();
  }
  void send(ConnectionId id, std::span<const std::byte> bytes) override {
    Peer& peer = peers_.at(id);
    peer.raw.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::vector<std::byte> padded(bytes.begin(), bytes.end());
    padded.resize(bytes.size() + receive_padding);
    (void)peer.codec->receive({padded.data(), bytes.size()}, peer);
  }
  void close(ConnectionId id) override {
    closes.push_back(id);
    std::erase_if(queue_,
                  [id](const Queued& queued) { return queued.completion.connection == id; });
  }
  void greeted(ConnectionId id) override { greetings.push_back(id); }
  void collect() override { collected_ = queue_.size(); }
  uint32_t poll(CompletionSink& sink, uint32_t completions_max) override {
    uint32_t count = 0;
    for (; count < completions_max && collected_ != 0 && !queue_.empty(); --collected_) {
      Queued queued = std::move(queue_.front());
      queue_.pop_front();
      const size_t size = queued.bytes.size();
      queued.bytes.resize(size + receive_padding);
      queued.completion.bytes = {queued.bytes.data(), size};
      sink.on_completion(queued.completion);
      ++count;
    }
    return count;
  }
  void flush() override { ++flushes; }

  // The connection opened last.
  [[nodiscard]] ConnectionId last() const { return opens.back().id; }

  // Completions for the next collect().
  void opened(ConnectionId id, bool tls_resumed = false) {
    Completion completion = of(id, Completion::Kind::opened);
    completion.tls_resumed = tls_resumed;
    completion.peer = {.address = {127, 0, 0, 1}, .port = 443, .family = 4};
    queue_.push_back({completion, {}});
  }
  void closed(ConnectionId id, Reason reason, int32_t os_error = 0) {
    Completion completion = of(id, Completion::Kind::closed);
    completion.reason = reason;
    completion.os_error = os_error;
    queue_.push_back({completion, {}});
  }
  void sent(ConnectionId id, uint32_t bytes) {
    Completion completion = of(id, Completion::Kind::sent);
    completion.sent_bytes = bytes;
    queue_.push_back({completion, {}});
  }
  // Bytes as they are.
  void received(ConnectionId id, std::string_view bytes) {
    const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
    Queued& queued = queue_.emplace_back(of(id, Completion::Kind::received));
    queued.bytes.reserve(bytes.size() + receive_padding);  // delivering it allocates nothing
    queued.bytes.assign(begin, begin + bytes.size());
  }
  // What the server's codec has to say: the 101 after the client's request came, pongs, closes.
  void answer(ConnectionId id) {
    websocket::Connection& codec = *peers_.at(id).codec;
    const auto bytes = codec.output();
    if (bytes.empty()) return;
    received(id, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    codec.consume_output(bytes.size());
  }
  void text(ConnectionId id, std::string_view message) {
    ASSERT_TRUE(peers_.at(id).codec->send_text(message)) << "the upgrade has not come";
    answer(id);
  }
  void ping(ConnectionId id, std::string_view payload) {
    ASSERT_TRUE(peers_.at(id).codec->send_ping(std::as_bytes(std::span(payload))));
    answer(id);
  }
  void close_frame(ConnectionId id, uint16_t code, std::string_view reason) {
    peers_.at(id).codec->send_close(code, reason);
    answer(id);
  }

  // What the client sent: text messages, in order; taken by the call.
  [[nodiscard]] std::vector<std::string> take_texts(ConnectionId id) {
    return std::exchange(peers_.at(id).texts, {});
  }
  [[nodiscard]] bool upgraded(ConnectionId id) const { return peers_.at(id).upgraded; }
  // The code of the client's close frame; 0: none came.
  [[nodiscard]] uint16_t close_code(ConnectionId id) const { return peers_.at(id).close_code; }
  [[nodiscard]] uint32_t pongs(ConnectionId id) const { return peers_.at(id).pongs; }
  [[nodiscard]] const std::string& raw(ConnectionId id) const { return peers_.at(id).raw; }
  [[nodiscard]] size_t queued() const { return queue_.size(); }

 private:
  struct Peer {
    std::unique_ptr<websocket::Connection> codec;
    std::vector<std::string> texts;
    std::string raw;
    bool upgraded = false;
    uint16_t close_code = 0;
    uint32_t pings = 0;
    uint32_t pongs = 0;

    bool on_open(const websocket::UpgradeResult&) { return upgraded = true; }
    bool on_text(std::string_view message) {
      texts.emplace_back(message);
      return true;
    }
    bool on_binary(std::span<const std::byte>) { return true; }
    bool on_ping(std::span<const std::byte>) {
      ++pings;
      return true;
    }
    bool on_pong(std::span<const std::byte>) {
      ++pongs;
      return true;
    }
    bool on_close(uint16_t code, std::string_view) {
      close_code = code;
      return true;
    }
  };
  struct Queued {
    Completion completion;
    std::vector<std::byte> bytes{};
  };
  static Completion of(ConnectionId id, Completion::Kind kind) {
    Completion completion;
    completion.connection = id;
    completion.kind = kind;
    return completion;
  }

  uint32_t message_bytes_;
  std::map<ConnectionId, Peer> peers_;
  std::deque<Queued> queue_;
  size_t collected_ = 0;  // of them, from the front
};

}  // namespace havklo
