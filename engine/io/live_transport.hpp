// The network door on a real machine: names, TCP and TLS on one io_uring.
//
// Owns:       the ring, the resolver, a slot for each connection with its socket, TLS stream and
//             send buffer, the last TLS session.
// Threads:    start_on_this_thread() and everything after it belong to the loop; wake() to anyone.
// Invariants: those of Transport. A slot is used again only when the kernel has answered for
//             everything that was asked of it, so no late completion can reach a newer connection.
// Cost:       once a connection is open, nothing is allocated and no system call is made but
//             io_uring_enter: one to receive when the kernel says that there is something, one for
//             each turn that sends.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <havklo/recording.hpp>
#include <havklo/transport.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/phase_recorder.hpp"
#include "io/resolver.hpp"
#include "io/tls.hpp"
#include "io/uring.hpp"

namespace havklo::io {

struct LiveTransportSettings {
  bool tls = true;                     // false: no CA certificates are loaded
  std::optional<std::string> ca_file;  // none: the system's store
  uint32_t connections_max = 4;        // open at once; as many again may be on their way out
  UringSettings uring;
};

class LiveTransport final : public Transport, public BlockWriter {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<LiveTransport>, std::string> create(
      const LiveTransportSettings& settings);
  ~LiveTransport() override;

  // Once, by the loop's thread, before its first turn.
  void start_on_this_thread();

  // Where TLS decrypts into as long as it has room; before the loop begins.
  void receive_into(ReceiveRoom& room) { receive_room_ = &room; }

  void open(ConnectionId id, const OpenRequest& request) override;
  void send(ConnectionId id, std::span<const std::byte> bytes) override;
  void close(ConnectionId id) override;
  uint32_t poll(CompletionSink& sink, uint32_t completions_max) override;
  void flush() override;

  // Sleeps until something arrives, wake() is called or `at_most` has passed.
  void park(Duration at_most);
  void wake() noexcept { uring_->wake(); }
  // Lets the kernel take and finish what is on its way out; at most `at_most`.
  void drain(Duration at_most);

  [[nodiscard]] std::span<std::byte> block_memory(size_t bytes) override {
    return uring_->make_fixed_memory(bytes);
  }
  void write_file(int file, uint64_t offset, std::span<const std::byte> block, uint32_t token,
                  bool sync) override;
  void open_file(const char* path, uint32_t token, bool direct) override;
  void close_file(int file) override;
  [[nodiscard]] std::optional<Done> take_done() override;
  void wait_done() override;

  [[nodiscard]] const UringCounters& counters() const { return uring_->counters(); }
  // For the core, which tells it how far a message is.
  [[nodiscard]] PhaseRecorder& phases() { return phases_; }
  [[nodiscard]] const PhaseRecorder& phases() const { return phases_; }
  // For tests: answers in place of the resolver.
  void override_addresses(std::vector<Endpoint> addresses) { override_ = std::move(addresses); }

 private:
  enum class Phase : uint8_t { free, resolving, connecting, handshaking, open, leaving };
  enum class Operation : uint8_t {
    connect,
    receive,
    send,
    none,
    write,  // a sync comes behind it
    sync,
    write_unsynced,
    open_file,
  };
  struct Slot;
  static constexpr uint32_t file_tokens_max = 64;  // what a recorder uses is below

  explicit LiveTransport(const LiveTransportSettings& settings);

  void add_slot();
  [[nodiscard]] Slot& free_slot();
  [[nodiscard]] Slot* find(ConnectionId id);
  [[nodiscard]] uint64_t tag(const Slot& slot, Operation operation) const;
  [[nodiscard]] static uint64_t file_tag(uint32_t token, Operation operation);
  void on_resolved(ResolverAnswer& answer);
  void connect_next(Slot& slot, Reason reason, int32_t os_error);
  void on_connected(Slot& slot, int32_t result);
  void begin_stream(Slot& slot);
  void receive(Slot& slot);
  void on_received(Slot& slot, const io_uring_cqe& completion, CompletionSink& sink);
  void on_bytes(Slot& slot, std::span<std::byte> bytes, CompletionSink& sink);
  void on_ciphertext(Slot& slot, CompletionSink& sink);
  [[nodiscard]] std::span<std::byte> plaintext_room(ConnectionId id);
  void on_sent(Slot& slot, int32_t result, CompletionSink& sink);
  void deliver(Slot& slot, Completion completion, CompletionSink& sink);
  // Reports the end of a stream at the next poll(), or at once.
  void fail_later(Slot& slot, Reason reason, int32_t os_error);
  void fail(Slot& slot, Reason reason, int32_t os_error, CompletionSink& sink);
  void leave(Slot& slot);
  void release_if_done(Slot& slot);
  bool fill_send_buffer(Slot& slot);
  void submit_send(Slot& slot);
  void handle(const io_uring_cqe& completion, CompletionSink& sink);
  void wait_and_discard(Duration at_most);

  std::optional<TlsContext> tls_;
  TlsSession session_;  // of the host below
  std::string session_host_;
  std::unique_ptr<Uring> uring_;
  std::unique_ptr<Resolver> resolver_;
  std::vector<std::unique_ptr<Slot>> slots_;
  ReceiveRoom* receive_room_ = nullptr;
  std::vector<std::byte> plaintext_;  // … or else; padding behind it
  std::vector<Endpoint> override_;
  PhaseRecorder phases_;
  std::vector<Done> files_done_;                          // oldest first; reserved
  std::array<int32_t, file_tokens_max> write_results_{};  // while the sync behind it is awaited
  uint32_t delivered_ = 0;                                // in this poll()
  bool failures_wait_ = false;
  bool output_waits_ = false;
};

}  // namespace havklo::io
