/// With what a request is let through to its sandbox: what of it is ours and stays here.
struct PreviewPass: Equatable, Sendable {
  /// The query without our token, where it holds one.
  var query: PreviewQuery.Rest = .same
  /// Authorization is ours.
  var hidesAuthorization = false
  /// One of our cookies is among the client's.
  var hidesCookie = false
  /// Referer tells a token of ours.
  var hidesReferer = false
  /// A subprotocol that is offered tells one.
  var hidesSubprotocols = false
  /// A cookie of ours that the client gets with the response.
  var setCookie: String?
  /// What a private preview was opened with: a connection ends when it is taken back.
  var holder: PreviewGrant.Holder?
}
