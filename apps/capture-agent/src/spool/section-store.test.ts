import { DiskRig } from './contract-tests/disk-rig.js';
import { aHeader, aSection } from './contract-tests/records.js';
import { describeSectionStore } from './contract-tests/section-store-contract.js';
import { MemoryStore } from './memory-store.js';

describeSectionStore('DiskSpool', async ({ maxBytes }) => {
  const rig = new DiskRig();
  await rig.open({ maxBytes });
  return {
    get store() {
      return rig.spool;
    },
    add: (seq, bytes, more) => void rig.append(seq, bytes, more),
    // The one before is not closed: that would write something.
    kill: async () => void (await rig.open({ maxBytes })),
    close: () => rig.close(),
  };
});

describeSectionStore('MemoryStore', async ({ maxBytes }) => {
  const store = new MemoryStore(maxBytes);
  return {
    store,
    add(seq, bytes, more = {}) {
      const section = aSection(seq, bytes);
      store.add({ header: aHeader(seq, section, more), bytes: section });
    },
    close: () => store.close(),
  };
});
