// A Node server as people write them: a page, events as they come, and a WebSocket (Debian's node-ws).
const http = require('http');
const { WebSocketServer } = require('ws');

const page = `<!DOCTYPE html><title>live</title><h1>live</h1><ol id=events></ol><p id=socket></p>
<script>
const source = new EventSource('/events');
source.onmessage = async (event) => {
  const line = document.createElement('li');
  line.textContent = event.data;
  events.append(line);
  await fetch('/seen', { method: 'POST', body: event.data });  // the next one waits for it
};
const web = new WebSocket(location.href.replace('http', 'ws') + 'socket');
web.binaryType = 'arraybuffer';
web.onopen = () => web.send(new Uint8Array(200000).fill(7));
web.onmessage = (event) => {
  const bytes = new Uint8Array(event.data);
  socket.textContent = bytes.length + ' ' + bytes.every((byte) => byte === 7);
};
</script>`;

let stream;
let count = 0;

function next() {
  count += 1;
  stream.write(`data: ${count}\n\n`);
}

const server = http.createServer((request, response) => {
  if (request.url === '/events') {
    stream = response;
    count = 0;
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    next();
  } else if (request.url === '/seen') {
    request.resume().on('end', () => {
      response.end('ok');
      if (count < 5) next();
    });
  } else {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end(page);
  }
});
const sockets = new WebSocketServer({ server, path: '/socket' });
sockets.on('connection', (web) => web.on('message', (data) => web.send(data)));
server.listen(Number(process.argv[2]), '127.0.0.1');
