//! What operations are answered with: the code, what comes with it, and the codes of refusals that are an operation's own. Start at [`answer_of`].

use crate::operation::{
    BuildOperation, ContainerOperation, CortenOperation, DistributionOperation, ExecOperation,
    ImageOperation, NetworkOperation, Operation, PluginOperation, SystemOperation, VolumeOperation,
};

/// What comes behind a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing.
    Nothing,
    /// Text.
    Text,
    /// A document, in the notation of schemas.
    Document(&'static str),
    /// Documents, each in a line.
    Lines,
    /// An archive.
    Archive,
    /// Both outputs of a container.
    Streams,
    /// The connection is taken over.
    Connection,
}

/// Codes of success, what comes with them, and codes of refusal beside those that every operation may have.
pub(super) type Answer = (&'static [u16], Content, &'static [u16]);

const NOTHING: Content = Content::Nothing;

/// What an operation is answered with.
pub(super) const fn answer_of(operation: Operation) -> Answer {
    match operation {
        Operation::System(operation) => system(operation),
        Operation::Corten(CortenOperation::Metrics) => (&[200], Content::Text, &[]),
        Operation::Corten(CortenOperation::Description) => {
            (&[200], Content::Document("{any}"), &[])
        }
        Operation::Container(operation) => container(operation),
        Operation::Exec(operation) => match operation {
            ExecOperation::Create => (&[201], Content::Document("Made"), &[404, 409]),
            ExecOperation::Start => (&[200, 101], Content::Connection, &[404, 409]),
            ExecOperation::Resize => (&[200], NOTHING, &[404, 409]),
            ExecOperation::Inspect => (&[200], Content::Document("Exec"), &[404]),
        },
        Operation::Image(operation) => image(operation),
        Operation::Build(operation) => match operation {
            BuildOperation::Session | BuildOperation::Cancel => (&[], NOTHING, &[501]),
            BuildOperation::Image => (&[200], Content::Lines, &[404, 409, 501]),
            BuildOperation::Prune => (&[200], Content::Document("BuildPruned"), &[]),
        },
        Operation::Distribution(DistributionOperation::Inspect) => {
            (&[200], Content::Document("Distribution"), &[401, 404])
        }
        Operation::Network(operation) => match operation {
            NetworkOperation::List => (&[200], Content::Document("[NetworkInList]"), &[]),
            NetworkOperation::Create => {
                (&[201], Content::Document("NetworkMade"), &[404, 409, 501, 503])
            }
            NetworkOperation::Prune => (&[200], Content::Document("NetworksPruned"), &[]),
            NetworkOperation::Connect => (&[200], NOTHING, &[404, 409, 501]),
            NetworkOperation::Disconnect => (&[200], NOTHING, &[404, 409]),
            NetworkOperation::Inspect => (&[200], Content::Document("Network"), &[404]),
            NetworkOperation::Delete => (&[204], NOTHING, &[404, 409]),
        },
        Operation::Volume(operation) => match operation {
            VolumeOperation::List => (&[200], Content::Document("Volumes"), &[]),
            VolumeOperation::Create => (&[201], Content::Document("Volume"), &[404, 409, 501, 503]),
            VolumeOperation::Prune => (&[200], Content::Document("VolumesPruned"), &[]),
            VolumeOperation::Inspect => (&[200], Content::Document("Volume"), &[404]),
            VolumeOperation::Update => (&[], NOTHING, &[503]),
            VolumeOperation::Delete => (&[204], NOTHING, &[404, 409]),
        },
        Operation::Plugin(operation) => match operation {
            PluginOperation::List => (&[200], Content::Document("[any]"), &[]),
            PluginOperation::Privileges | PluginOperation::Pull | PluginOperation::Create => {
                (&[], NOTHING, &[501])
            }
            PluginOperation::Inspect
            | PluginOperation::Enable
            | PluginOperation::Disable
            | PluginOperation::Upgrade
            | PluginOperation::Push
            | PluginOperation::Set
            | PluginOperation::Delete => (&[], NOTHING, &[404]),
        },
        Operation::Swarm(_) => (&[], NOTHING, &[503]),
    }
}

const fn system(operation: SystemOperation) -> Answer {
    match operation {
        SystemOperation::Ping | SystemOperation::PingHead => (&[200], Content::Text, &[]),
        SystemOperation::Version => (&[200], Content::Document("Version"), &[]),
        SystemOperation::Info => (&[200], Content::Document("Info"), &[]),
        SystemOperation::Events => (&[200], Content::Lines, &[]),
        SystemOperation::DataUsage => (&[200], Content::Document("DataUsage"), &[]),
        SystemOperation::Auth => (&[200], Content::Document("AuthDone"), &[401, 404]),
    }
}

const fn container(operation: ContainerOperation) -> Answer {
    use ContainerOperation as Is;
    match operation {
        Is::List => (&[200], Content::Document("[ContainerSummary]"), &[]),
        Is::Create => (&[201], Content::Document("ContainerMade"), &[404, 409, 501]),
        Is::Prune => (&[200], Content::Document("ContainersPruned"), &[]),
        Is::Inspect => (&[200], Content::Document("Container"), &[404]),
        Is::Top => (&[200], Content::Document("Top"), &[404, 409]),
        Is::Logs => (&[200], Content::Streams, &[404, 501]),
        Is::Changes => (&[200], Content::Document("[Change]?"), &[404, 409]),
        Is::Export => (&[200], Content::Archive, &[404, 409]),
        Is::Stats => (&[200], Content::Lines, &[404]),
        Is::Resize => (&[200], NOTHING, &[404, 409]),
        Is::Start => (&[204, 304], NOTHING, &[404, 409, 501]),
        Is::Stop => (&[204, 304], NOTHING, &[404, 409]),
        Is::Restart | Is::Kill | Is::Rename | Is::Pause | Is::Unpause => {
            (&[204], NOTHING, &[404, 409])
        }
        Is::Delete => (&[204], NOTHING, &[404, 409]),
        Is::Update => (&[200], Content::Document("Warned"), &[404, 409, 501]),
        Is::Attach => (&[200, 101], Content::Connection, &[404, 409]),
        Is::AttachWebsocket => (&[101], Content::Connection, &[404, 409]),
        Is::Wait => (&[200], Content::Document("Waited"), &[404]),
        Is::ArchiveInfo => (&[200], NOTHING, &[404, 409]),
        Is::Archive => (&[200], Content::Archive, &[404, 409]),
        Is::ArchivePut => (&[200], NOTHING, &[404, 409]),
        Is::CheckpointCreate => (&[201], NOTHING, &[404, 409, 501]),
        Is::CheckpointList => (&[200], Content::Document("[Checkpoint]"), &[404]),
        Is::CheckpointDelete => (&[204], NOTHING, &[404]),
    }
}

const fn image(operation: ImageOperation) -> Answer {
    use ImageOperation as Is;
    match operation {
        Is::List => (&[200], Content::Document("[ImageSummary]"), &[]),
        Is::Search => (&[200], Content::Document("[Found]"), &[401, 404]),
        Is::GetAll | Is::Get => (&[200], Content::Archive, &[404]),
        Is::Create => (&[200], Content::Lines, &[401, 404]),
        Is::Load => (&[200], Content::Lines, &[]),
        Is::Prune => (&[200], Content::Document("ImagesPruned"), &[]),
        Is::Commit => (&[201], Content::Document("Made"), &[404, 409]),
        Is::Inspect => (&[200], Content::Document("Image"), &[404]),
        Is::History => (&[200], Content::Document("[History]"), &[404]),
        Is::Push => (&[200], Content::Lines, &[401, 404]),
        Is::Tag => (&[201], NOTHING, &[404, 409]),
        Is::Delete => (&[200], Content::Document("[Removed]"), &[404, 409]),
    }
}
