/** What a guest is made of. */
export interface GuestRecipe {
  readonly name: string
  /** Packages that are unpacked into the guest and not installed on the host; the first that exists is taken. */
  readonly kernelPackages: readonly string[]
  /** Everything that the guest's drivers need; loaded at boot in this order, dependencies by modules.dep. */
  readonly modules: readonly string[]
  /** Size of the partition with boot loader, kernel and initial file system. */
  readonly bootMiB: number
  /** Packages with the signed boot loaders for UEFI; without any it boots by BIOS only. */
  readonly efiPackages: readonly string[]
}

const paravirtual = [
  'virtio_pci',
  'virtio_blk',
  'virtio_net',
  'virtio_console',
  'virtio-rng',
  'virtio_balloon',
  'virtio_scsi',
  'ahci',
  'sd_mod',
  'e1000e',
  'e1000',
  'button',
  'evdev',
]

/** The guest that everybody meets first: small, and up in no time. */
export const quickstartGuest: GuestRecipe = {
  name: 'quickstart',
  kernelPackages: ['linux-image-cloud-amd64', 'linux-image-virtual', 'linux-image-generic'],
  modules: paravirtual,
  bootMiB: 30,
  efiPackages: [],
}

/** The same with a driver for every device that Kvorum offers, and boot loaders that UEFI with Secure Boot accepts. */
export const hardwareGuest: GuestRecipe = {
  name: 'hardware',
  kernelPackages: ['linux-image-amd64', 'linux-image-generic'],
  modules: [
    ...paravirtual,
    '8139cp',
    'sr_mod',
    'isofs',
    'xhci-pci',
    'usbhid',
    'hid-generic',
    'i6300esb',
    'ext4',
    'qemu_fw_cfg',
    'lpc_ich',
    'i2c-i801',
    'iTCO_wdt',
    'snd-hda-intel',
    'snd-intel8x0',
    'efivarfs',
  ],
  bootMiB: 48,
  efiPackages: ['shim-signed', 'grub-efi-amd64-signed'],
}
