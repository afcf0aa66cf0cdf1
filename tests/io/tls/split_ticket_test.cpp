// A ticket of TLS 1.3 as a server may cut it: over two records, over many, with text behind it.
#include <gtest/gtest.h>

#include "io/tls/certificate_authority.hpp"
#include "support/temporary_file.hpp"
#include "support/tls_forger.hpp"

namespace havklo::io {
namespace {

// NewSessionTicket, RFC 8446 §4.6.1.
Wire new_session_ticket(size_t ticket_bytes) {
  Wire body = {std::byte{0},
               std::byte{0},
               std::byte{14},
               std::byte{16},  // an hour
               std::byte{1},
               std::byte{2},
               std::byte{3},
               std::byte{4},  // age_add
               std::byte{1},
               std::byte{9},  // nonce
               static_cast<std::byte>(ticket_bytes >> 8U),
               static_cast<std::byte>(ticket_bytes)};
  body.resize(body.size() + ticket_bytes, std::byte{0x5a});
  body.resize(body.size() + 2);  // no extensions
  Wire message = {std::byte{4}, std::byte{0}, static_cast<std::byte>(body.size() >> 8U),
                  static_cast<std::byte>(body.size())};
  message.insert(message.end(), body.begin(), body.end());
  return message;
}

class SplitTicket : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(RecordsOpened, SplitTicket, testing::Values(true, false),
                         [](const auto& ours) { return ours.param ? "ByUs" : "ByWolfSsl"; });

TEST_P(SplitTicket, IsKeptAndTheTextBehindItRead) {
  if (!TlsForger::can_forge) GTEST_SKIP() << "this wolfSSL tells no secrets";
  const auto authority = CertificateAuthority::make().value();
  const TemporaryFile ca(authority.certificate_pem());
  TlsContext context = TlsContext::client(ca.path()).value();
  if (!GetParam()) context.leave_records_to_library();
  const Wire ticket = new_session_ticket(200);
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{5}, size_t{100}, ticket.size() - 1}) {
    if (!GetParam() && piece < 4) continue;  // wolfSSL wants the head of a message in one record
    TlsForger forger(authority.issue().value());
    TlsStream client(context, "localhost");
    const Wire tickets = forger.shake_hands(client);
    RecordSealer& records = forger.records();
    // wolfSSL's own are thrown away, and their numbers are still to come.
    for (size_t at = 0; at < tickets.size();) {
      at += 5 + std::to_integer<size_t>(tickets[at + 3]) * 256 +
            std::to_integer<size_t>(tickets[at + 4]);
      records.skip_numbers(~uint64_t{0});
    }
    Wire wire;
    for (size_t at = 0; at < ticket.size(); at += piece) {
      const Wire part(ticket.begin() + static_cast<ptrdiff_t>(at),
                      ticket.begin() + static_cast<ptrdiff_t>(std::min(at + piece, ticket.size())));
      const Wire record = records.seal(part, 22);
      wire.insert(wire.end(), record.begin(), record.end());
    }
    const Wire text = records.text("behind it");
    wire.insert(wire.end(), text.begin(), text.end());
    client.feed(wire);
    std::array<std::byte, 4096> room{};
    const auto read = client.read(room);
    EXPECT_EQ(read.status, TlsStatus::want_more) << client.error_text() << ", pieces of " << piece;
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(room.data()), read.bytes),
              "behind it");
    EXPECT_FALSE(client.take_session().empty()) << "in pieces of " << piece;
  }
}

}  // namespace
}  // namespace havklo::io
