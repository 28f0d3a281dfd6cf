import { handler } from './handler.ts';

console.log(await handler({ name: 'Ada' }));
